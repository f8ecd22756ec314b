/**
 * What a forked realm is a copy of, and what its effects and timers may do. It stands with the log
 * itself, so that whoever serves a fork knows that it is one. It serves "forks are realms with an
 * effect firewall". Invariant: a description that cannot be understood is a fault and never "no
 * fork", because a fork that is taken for a realm of its own would send its mail a second time.
 */
import { Fault } from './fault.ts'
import { parseRealmName } from './realm.ts'

/** The highest format that this release understands; one above it is of a later release. */
const format = 1

export type ForkEffects =
  /** Answered with what the parent's run returned; what it did not return is not run either. */
  | { readonly is: 'journal' }
  /** Nothing is run, nothing is answered. */
  | { readonly is: 'block' }
  /** These run, by kind, by name or as `kind.name`; all others are as with `journal`. */
  | { readonly is: 'allow'; readonly names: readonly string[] }

export type ForkTimers = 'frozen' | 'free'

export type Fork = {
  /** The realm that the cut is of. */
  readonly of: string
  readonly cut: string
  /** The log that the cut is of: its generation, and the instant it was made. */
  readonly generation: number
  readonly log: string
  /** How many partitions that has. */
  readonly partitions: number
  /** By partition of the cut: where its marker stands in the mailbox. */
  readonly markers: readonly number[]
  readonly effects: ForkEffects
  readonly timers: ForkTimers
  /** The instant of the cut, and that of the fork. */
  readonly cutAt: number
  readonly madeAt: number
}

/** As text, for the description that the server keeps with a stream. */
export function forkText(fork: Fork): string {
  return JSON.stringify({ format, ...fork })
}

export function parseFork(text: string): Fork {
  let read: Partial<Fork> & { readonly format?: number }
  try {
    read = JSON.parse(text) as typeof read
  } catch (cause) {
    throw unreadable('it is no JSON', cause)
  }
  const { format: have = 0, ...fork } = read
  if (have > format) throw unreadable(`it is of format ${have}, and this perdure reads ${format}`)
  if (!isFork(fork)) throw unreadable('a part of it is missing')
  return fork
}

function isFork(fork: Partial<Fork>): fork is Fork {
  const { of, cut, generation, log, partitions, markers, effects, timers } = fork
  const texts = [of, cut, log].every((one) => typeof one === 'string')
  const numbers = [generation, partitions].every((one) => typeof one === 'number')
  const isTimed = timers === 'frozen' || timers === 'free'
  return texts && numbers && isTimed && Array.isArray(markers) && isRule(effects)
}

function isRule(effects: ForkEffects | undefined): boolean {
  if (effects?.is === 'allow') return Array.isArray(effects.names)
  return effects?.is === 'journal' || effects?.is === 'block'
}

function unreadable(reason: string, cause?: unknown): Fault {
  return new Fault('fork.unreadable', { reason }, { cause })
}

/** `journal`, `block`, or `allow:` and names with commas between. */
export function parseForkEffects(text: string): ForkEffects {
  if (text === 'journal' || text === 'block') return { is: text }
  const [, list] = /^allow:(.*)$/.exec(text) ?? []
  const names = (list ?? '').split(',').map((name) => name.trim())
  if (list === undefined || names.some((name) => !/^[\w-]+(\.[\w-]+)*$/.test(name)))
    throw new Fault('fork.effects', { value: text })
  return { is: 'allow', names }
}

export function forkEffectsText(effects: ForkEffects): string {
  return effects.is === 'allow' ? `allow:${effects.names.join(',')}` : effects.is
}

/** Whether an effect of this kind and name may run in the fork. */
export function mayRun({ effects }: Pick<Fork, 'effects'>, { kind, name }: { kind: string; name: string }): boolean {
  return effects.is === 'allow' && [kind, name, `${kind}.${name}`].some((one) => effects.names.includes(one))
}

/** A fork stands beside its parent, so it cannot have its name. */
export function parseForkName(name: string, parent: string): string {
  const parsed = parseRealmName(name)
  if (parsed === parent) throw new Fault('fork.sameName', { value: name })
  return parsed
}
