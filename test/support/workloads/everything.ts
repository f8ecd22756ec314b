/** All workloads at once. */
import { asks } from './asks.ts'
import { bank } from './bank.ts'
import { children } from './children.ts'
import { chimes } from './chimes.ts'
import { effects } from './effects.ts'
import { hatches } from './hatches.ts'
import { lists } from './lists.ts'
import { lives } from './lives.ts'
import { registers } from './registers.ts'
import { releases } from './releases.ts'
import { timers } from './timers.ts'
import type { Workload } from './workload.ts'

/** `isElsewhere`: the nodes are other processes, so that nobody here sees their effects run. */
export function everything({ isElsewhere = false } = {}): readonly Workload[] {
  return [
    bank(),
    lists(),
    effects({ isElsewhere }),
    timers(),
    children(),
    asks(),
    registers(),
    lives(),
    hatches(),
    chimes(),
    releases(),
  ]
}
