/** The whole conformance set: every scenario runs live, in the engine, and in the engine with restarts. */
import { acting } from './actions.ts'
import { data } from './data.ts'
import { delays } from './delays.ts'
import { matching } from './events.ts'
import { families } from './families.ts'
import { guarded } from './guards.ts'
import { hierarchy } from './hierarchy.ts'
import { histories } from './history.ts'
import { invokedActors } from './invoked-actors.ts'
import { invoked } from './invokes.ts'
import { parallel } from './parallel.ts'
import type { Scenario } from './scenario.ts'
import { spawned } from './spawns.ts'
import { streams } from './streams.ts'
import { transitions } from './transitions.ts'

export const scenarios: readonly Scenario[] = [
  ...hierarchy,
  ...parallel,
  ...histories,
  ...guarded,
  ...delays,
  ...acting,
  ...matching,
  ...data,
  ...invoked,
  ...streams,
  ...invokedActors,
  ...spawned,
  ...families,
  ...transitions,
]
