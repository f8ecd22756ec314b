/** All commands by name. Each is loaded when it is called, so that none waits for the others. */
import type { Command } from './command.ts'

type Loader = () => Promise<{ readonly command: Command }>

/** In the order of the help: first what one needs first. */
export const commands: Readonly<Record<string, Loader>> = {
  up: () => import('./commands/up.ts'),
  node: () => import('./commands/node.ts'),
  nodes: () => import('./commands/nodes.ts'),
  replicas: () => import('./commands/replicas.ts'),
  drain: () => import('./commands/drain.ts'),
  send: () => import('./commands/send.ts'),
  ask: () => import('./commands/ask.ts'),
  ps: () => import('./commands/ps.ts'),
  show: () => import('./commands/show.ts'),
  history: () => import('./commands/history.ts'),
  watch: () => import('./commands/watch.ts'),
  parked: () => import('./commands/parked.ts'),
  timers: () => import('./commands/timers.ts'),
  effects: () => import('./commands/effects.ts'),
  start: () => import('./commands/start.ts'),
  stop: () => import('./commands/stop.ts'),
  delete: () => import('./commands/delete.ts'),
  migrate: () => import('./commands/migrate.ts'),
  rollout: () => import('./commands/rollout.ts'),
  cut: () => import('./commands/cut.ts'),
  restore: () => import('./commands/restore.ts'),
  fork: () => import('./commands/fork.ts'),
  'diff-run': () => import('./commands/diff-run.ts'),
  repartition: () => import('./commands/repartition.ts'),
  at: () => import('./commands/at.ts'),
  inputs: () => import('./commands/inputs.ts'),
  debug: () => import('./commands/debug.ts'),
  rewind: () => import('./commands/rewind.ts'),
  doctor: () => import('./commands/doctor.ts'),
  config: () => import('./commands/config.ts'),
  auth: () => import('./commands/auth.ts'),
  bench: () => import('./commands/bench.ts'),
  chaos: () => import('./commands/chaos.ts'),
  completion: () => import('./commands/completion.ts'),
  help: () => import('./commands/help.ts'),
}

/** Words that people try first. */
const alsoCalled: Readonly<Record<string, string>> = {
  list: 'ps',
  ls: 'ps',
  effect: 'effects',
  timer: 'timers',
  log: 'history',
  kill: 'stop',
  run: 'up',
}

export function loaderOf(name: string): Loader | undefined {
  const own = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (own !== undefined) return own
  const other = Object.hasOwn(alsoCalled, name) ? alsoCalled[name] : undefined
  return other === 'effects' || other === 'timers' ? commands[other] : undefined
}

/** For a word that is no command. */
export function meantBy(name: string): string | undefined {
  return Object.hasOwn(alsoCalled, name) ? alsoCalled[name] : undefined
}

export async function loadAll(): Promise<Command[]> {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()))
  return loaded.map(({ command }) => command)
}
