/** All workloads at once. */
import type { Workload } from './workload.ts'
import { asks } from './workloads/asks.ts'
import { bank } from './workloads/bank.ts'
import { children } from './workloads/children.ts'
import { effects } from './workloads/effects.ts'
import { lists } from './workloads/lists.ts'
import { timers } from './workloads/timers.ts'

export function everything(): readonly Workload[] {
  return [bank(), lists(), effects(), timers(), children(), asks()]
}
