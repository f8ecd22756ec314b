/** The plans of the nemesis: which world is struck, and by what. What happens when is drawn from a seed. */
import type { StrikeName } from './strikes.ts'
import type { WorldOptions } from './world.ts'

export type Plan = {
  readonly about: string
  /** Each as often as it stands here. */
  readonly strikes: readonly StrikeName[]
  readonly world: Pick<WorldOptions, 'servers' | 'onHosts' | 'without' | 'takesCuts' | 'flags'>
}

export const plans = {
  deaths: { about: 'nodes are killed and started again', strikes: ['kill'], world: {} },
  pauses: { about: 'nodes stand still and go on', strikes: ['freeze'], world: {} },
  moves: {
    about: 'nodes stop as planned, come back, and one more comes and goes',
    strikes: ['drain', 'join'],
    world: {},
  },
  links: { about: 'the ways to the server grow slow, stall and break', strikes: ['slow', 'stall', 'cut'], world: {} },
  clocks: { about: 'clocks of nodes jump, and nodes die', strikes: ['clock', 'clock', 'kill'], world: {} },
  server: { about: 'the one server dies or stops, and comes back', strikes: ['server-kill', 'server-stop'], world: {} },
  rollback: {
    about: 'the one server dies, and comes back with its disk of two seconds ago',
    strikes: ['rollback'],
    // Judged by what was emitted, parked or answered, which of a record that only a standby had folded nobody holds.
    world: { without: ['timers', 'hatches', 'lives', 'asks', 'chimes'] },
  },
  everything: {
    about: 'all of these at once',
    strikes: ['kill', 'kill', 'freeze', 'drain', 'join', 'slow', 'stall', 'cut', 'clock', 'server-kill', 'server-stop'],
    world: {},
  },
  cluster: {
    about: 'three servers keep each entry; they and the nodes die and stop',
    strikes: ['server-kill', 'server-stop', 'leader-kill', 'leader-stop', 'kill', 'freeze'],
    world: { servers: 3 },
  },
  cuts: {
    about: 'cuts are taken, also several at once, while nodes die, stand still and move, and the server dies',
    strikes: ['take', 'take', 'take', 'take', 'kill', 'freeze', 'drain', 'join', 'server-kill'],
    // Of a taker that died others hear by then.
    world: { takesCuts: true, flags: { 'cuts-deadline-ms': '6s' } },
  },
  partitions: {
    about: 'three machines with a server and a node each; one of them is cut off (Linux, root)',
    strikes: ['partition', 'partition', 'kill'],
    world: { servers: 3, onHosts: true },
  },
} as const satisfies Record<string, Plan>

export type PlanName = keyof typeof plans

export const isPlan = (name: string): name is PlanName => Object.hasOwn(plans, name)
