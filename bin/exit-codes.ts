/** What the end of the process says to a script. The table is the contract; README shows the same one. */
import { isFault } from '#protocol/fault.ts'

export const exitCodes = [
  [0, 'done; for up, node and watch: ended by Ctrl-C or SIGTERM, in order, or drained'],
  [1, 'a fault: what was asked for failed, or a check (doctor, bench, migrate) did'],
  [2, 'usage: a command, flag, address, event or setting that cannot be understood'],
  [3, 'not there: no such actor, entry or realm, or no server or node that answers'],
  [4, 'too late: a deadline passed; what was sent is stored and may still happen'],
  [130, 'interrupted by Ctrl-C before it was done, or by a second one while ending'],
  [143, 'the same by SIGTERM'],
] as const

export type ExitCode = (typeof exitCodes)[number][0]

const usage =
  /^(usage|config|address|key|kind|realm|client|pattern|platform|event|instant)\.(invalid|unknown|unreadable|empty|tooLong|notUtf8|unsupported|untyped|reserved)$/
const absent = new Set([
  'actor.unknown',
  'actor.absent',
  'past.absent',
  'timer.absent',
  'effect.absent',
  'parked.absent',
  'realm.missing',
  'bus.unreachable',
  'bus.nobody',
  'node.absent',
  'partition.unowned',
  'cut.unknown',
  'fork.unknown',
])
const late = new Set(['ask.deadline', 'wait.deadline', 'bus.timeout'])

export function exitCodeOf(error: unknown): ExitCode {
  if (!isFault(error)) return 1
  if (late.has(error.code)) return 4
  if (absent.has(error.code)) return 3
  return usage.test(error.code) && error.code !== 'kind.unknown' ? 2 : 1
}

export function exitCodeOfSignal(signal: NodeJS.Signals): ExitCode {
  return signal === 'SIGINT' ? 130 : 143
}
