/**
 * An actor replayed step by step on the machine it had, and beside it on a changed one. It serves
 * "where it would have gone". Invariants: effects are not run, their results come from the record;
 * what the machine that it had makes of its inputs is compared with the record commit by commit, so
 * a replay that does not hold says so instead of showing something that never was.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Address } from '#protocol/address.ts'
import type { StoredFault } from '#protocol/fault.ts'
import type { ActorState } from '#protocol/state.ts'
import type { Output } from '#runtime/core/arrival.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { type Replay, type ReplayAround, replayOf, type ReplayOptions, type Replayed } from '#runtime/core/replay.ts'
import type { Input, Taken } from './inputs.ts'

export type Side = {
  readonly value: unknown
  readonly status: string
  readonly context: unknown
  /** What it sent, in the order in which it did. */
  readonly sent: readonly string[]
  readonly fault: StoredFault | undefined
}

export type DebugStep = {
  readonly input: Input
  /** On the machine that it had; nothing where there is no such actor. */
  readonly old: Side | undefined
  /** On the changed one, if there is one. */
  readonly new: Side | undefined
  /** Whether the two are apart behind this step, in state, context or what they sent. */
  readonly isApart: boolean
  /** It is the first of them. */
  readonly isFirst: boolean
  /** The record says something else than the machine that it had: what the actor's state was behind this commit. */
  readonly record: Pick<Side, 'value' | 'status' | 'context'> | undefined
}

export type Debugged = {
  readonly address: Address
  readonly old: Blueprint
  readonly new: Blueprint | undefined
  readonly registry: ActorState['book']['registry']
  readonly start: ActorState | undefined
}

const options: ReplayOptions = {
  outputsMost: 1000,
  deferLimit: Number.MAX_SAFE_INTEGER,
  asksMost: Number.MAX_SAFE_INTEGER,
  askLateMs: 600_000,
  retainMs: 2_592_000_000,
}

export async function* debugSteps(of: Debugged, taken: AsyncIterable<Taken>): AsyncGenerator<DebugStep> {
  const begin = { address: of.address, state: of.start, registry: of.registry }
  const had = replayOf({ ...begin, root: of.old }, options)
  const changed = of.new === undefined ? undefined : replayOf({ ...begin, root: of.new }, options)
  let wasApart = false
  for await (const { commit, before, after, inputs } of taken) {
    for (const [at, input] of inputs.entries()) {
      const around = aroundOf(commit, before, after, input)
      const old = input.arrival === undefined ? undefined : had.take(input.arrival, around, input.mark)
      const next = input.arrival === undefined ? undefined : changed?.take(input.arrival, around, input.mark)
      const isApart = changed !== undefined && !isSame(had, changed, old, next)
      const isLast = at === inputs.length - 1
      yield {
        input,
        old: sideOf(had.state, old),
        new: changed === undefined ? undefined : sideOf(changed.state, next),
        isApart,
        isFirst: isApart && !wasApart,
        record: isLast && !isAsRecorded(had.state, after) ? recordedOf(after) : undefined,
      }
      wasApart ||= isApart
    }
    // Effects that it asked for in this commit have ids of their own in the record.
    for (const effect of Object.values(after?.book.effects ?? {})) for (const one of [had, changed]) one?.know(effect)
  }
}

function aroundOf(
  { generation, awayMs, openedAt, seq }: Taken['commit'],
  before: ActorState | undefined,
  after: ActorState | undefined,
  { now, seq: envelope }: Input,
): ReplayAround {
  // Whoever is born counts on from where the last life under its key, or any deleted root, had come to.
  const visitFloor = before === undefined && after !== undefined ? floorOf(after) : 0
  return { now, generation, awayMs, openedAt, lastSeq: envelope === 0 ? seq : envelope, visitFloor }
}

/** Timers and children hold their numbers; the least of them was given first. */
function floorOf({ book, visits }: ActorState): number {
  const numbers = [
    ...Object.values(book.timers ?? {}).map(({ visit }) => visit),
    ...Object.values(book.children ?? {}).map(({ spawn }) => spawn),
  ]
  return numbers.length === 0 ? visits : Math.max(0, Math.min(...numbers) - 1)
}

function isSame(had: Replay, changed: Replay, old: Replayed | undefined, next: Replayed | undefined): boolean {
  return (
    isDeepStrictEqual(seenOf(had.state), seenOf(changed.state)) &&
    isDeepStrictEqual(sentBy(old), sentBy(next)) &&
    old?.fault?.code === next?.fault?.code
  )
}

function isAsRecorded(state: ActorState | undefined, recorded: ActorState | undefined): boolean {
  return isDeepStrictEqual(seenOf(state), seenOf(recorded))
}

function recordedOf(state: ActorState | undefined): DebugStep['record'] {
  return state === undefined
    ? { value: undefined, status: 'gone', context: undefined }
    : { value: state.snapshot.value, status: state.snapshot.status, context: state.snapshot.context }
}

/** What of a state is the machine's: instants, ids and numbers are the runtime's. */
function seenOf(state: ActorState | undefined): unknown {
  if (state === undefined) return undefined
  const { value, status, context, output } = state.snapshot
  return { value, status, context, output, ended: state.book.ended?.reason }
}

function sideOf(state: ActorState | undefined, replayed: Replayed | undefined): Side | undefined {
  if (state === undefined && replayed?.fault === undefined) return undefined
  const { value, status, context } = recordedOf(state) ?? {}
  return { value, status: status ?? 'gone', context, sent: sentBy(replayed), fault: replayed?.fault }
}

function sentBy(replayed: Replayed | undefined): readonly string[] {
  const { outputs = [], deeds = [] } = replayed?.outcome ?? {}
  return [
    ...outputs.map(outputText),
    ...deeds.flatMap((deed) => (deed.is === 'begin' ? [`effect ${deed.effect.name}`] : [])),
  ]
}

function outputText(output: Output): string {
  switch (output.is) {
    case 'send': {
      const { content, to } = output
      return `${content.is === 'event' ? content.event.type : `(${content.is})`} to ${to}`
    }
    case 'emit':
      return `emits ${output.event.type}`
    case 'reply':
      return output.answer.is === 'value' ? 'answers' : `answers with ${output.answer.fault.code}`
    case 'park':
      return `parks ${output.envelope.content.is === 'event' ? output.envelope.content.event.type : output.envelope.content.is}`
  }
}
