/**
 * Every expected failure as data: its code, what the runtime does about it, and a sentence that
 * names the value, the limit and what to do next. `{name}` stands for a detail of the fault.
 */
import { accessFaults } from './faults/access.ts'
import { askFaults } from './faults/asks.ts'
import { cutFaults } from './faults/cuts.ts'
import { eventFaults } from './faults/events.ts'
import { forkFaults } from './faults/forks.ts'
import { logFaults } from './faults/log.ts'
import { machineFaults } from './faults/machine.ts'
import { nameFaults } from './faults/names.ts'
import { pastFaults } from './faults/past.ts'
import { restoreFaults } from './faults/restores.ts'

export type { Verdict } from './faults/entry.ts'

export const faultCatalogue = {
  ...nameFaults,
  ...eventFaults,
  ...askFaults,
  ...logFaults,
  ...accessFaults,
  ...machineFaults,
  ...cutFaults,
  ...pastFaults,
  ...restoreFaults,
  ...forkFaults,
} as const
