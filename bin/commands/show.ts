/** `perdure show`: all that is known of one actor now. */
import type { Call, Command } from '#bin/command.ts'
import { paintedHealth, shortTimer } from '#bin/health-text.ts'
import { bytesText, clip, dueText, plural, span, stateText, timeText } from '#bin/layout.ts'
import { addressText, healthOfShown, showActor } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { showValue } from '#bin/show-value.ts'
import { plainErrorOf } from '#protocol/fault.ts'
import { type Fork, forkEffectsText } from '#protocol/fork.ts'
import { encodeState } from '#protocol/state.ts'
import { type ParkedEntry, type ShownActor, systemClock } from '#runtime/index.ts'
import type { HistoryLines } from './history.ts'

export const command: Command = {
  name: 'show',
  title: 'shows one actor: state, timers, effects, mailbox, last steps',
  usage: ['<address> [--full]'],
  about: [
    'The state as it was last committed, what it waits for, what is parked of it, and its last steps. A large context is cut; --full shows it whole.',
  ],
  examples: ['show order/42', "show 'order/a key with spaces' --json"],
  flags: {
    full: { type: 'yes', about: 'The context whole, however large.' },
    steps: { type: 'text', value: '5', about: 'How many of the last steps; 5 by default.' },
  },
  settings: 'connection',
  json: 'One value: {"address","state","status","context","timers","effects","children","depth","health","parked","steps", …}.',
  async run(call) {
    const [address, extra] = call.words
    if (address === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/42.')
    const realm = await call.realm()
    const { shown, parked } = await showActor(realm, address)
    const limit = call.count('steps', 5)
    const history = limit === 0 ? [] : await realm.operate.history(shown.address, { limit })
    const found = { shown, parked, history: history.slice(0, limit), fork: realm.bus.fork }
    if (call.json) call.out.json(jsonOf(found))
    else print(call, found)
    return 0
  },
}

export type Found = {
  readonly shown: ShownActor
  readonly parked: readonly ParkedEntry[]
  readonly history: HistoryLines
  /** Of a realm that is one. */
  readonly fork?: Fork | undefined
}

export function jsonOf({ shown, parked, history, fork }: Found): object {
  const { address, depth, tags, undecided, places, state } = shown
  const { snapshot, book, version, hash, steps, bornAt, steppedAt } = state
  return {
    address,
    state: snapshot.value,
    status: snapshot.status,
    context: snapshot.context,
    output: snapshot.output,
    error: snapshot.error,
    tags: tags ?? [],
    health: healthOfShown(shown, parked.length),
    version,
    hash,
    stepCount: steps,
    bornAt,
    steppedAt,
    depth,
    timers: Object.values(book.timers ?? {}),
    effects: Object.values(book.effects ?? {}),
    undecided,
    places,
    children: book.children ?? {},
    deferred: book.deferred?.length ?? 0,
    subscriptions: book.subscriptions ?? [],
    counts: book.counts ?? {},
    ended: book.ended,
    parked: parked.map(({ place, at, fault, event }) => ({
      place,
      at,
      fault: { code: fault.code, message: fault.message },
      event,
    })),
    steps: history,
    ...(fork && { fork: { of: fork.of, cut: fork.cut, effects: forkEffectsText(fork.effects) } }),
  }
}

const labelWidth = 11

/** `past`: the instant of which it is; what only its owner knows is then left out. */
export function print(call: Call, { shown, parked, history, fork }: Found, past?: number): void {
  const { out } = call
  const { address, state, depth, tags } = shown
  const { snapshot, book, version, steps, bornAt, steppedAt } = state
  const now = past ?? systemClock.now()
  const room = out.width - labelWidth
  const row = (label: string, text: string): void =>
    out.line(`${out.style('dim', label.padEnd(labelWidth))}${clip(text, room)}`)

  out.line(out.style('bold', addressText(address)))
  row(
    'state',
    `${stateText(snapshot.value, snapshot.status)}${tags === undefined || tags.length === 0 ? '' : `  [${tags.join(', ')}]`}`,
  )
  if (past === undefined)
    out.line(
      `${out.style('dim', 'health'.padEnd(labelWidth))}${paintedHealth(out, healthOfShown(shown, parked.length), now)}`,
    )
  row(
    'age',
    `${span(now - bornAt)}, last stepped ${dueText(steppedAt, now)}, ${plural(steps, 'step')}, version ${version}`,
  )
  if (past === undefined) row('mailbox', depth === 0 ? 'empty' : `${depth} waiting`)
  if (fork !== undefined) row('fork', `of ${fork.of}; effects ${answeredText(fork)}`)
  if (book.deferred !== undefined) row('deferred', `${book.deferred.length} wait for a state that handles them`)
  if (book.counts?.unhandled !== undefined) row('unhandled', `${book.counts.unhandled} in all: no state handled them`)
  for (const one of book.subscriptions ?? []) row('follows', one.pattern)
  if (book.ended !== undefined) row('ended', `${book.ended.reason}, ${dueText(book.ended.at, now)}`)
  if (snapshot.error !== undefined) row('error', plainErrorOf(snapshot.error).message)

  const section = (title: string, lines: readonly string[]): void => {
    if (lines.length === 0) return
    out.line()
    out.line(out.style('bold', title))
    for (const line of lines) out.line(clip2(line, out.width))
  }
  section(
    'timers',
    Object.values(book.timers ?? {}).map(
      ({ name, due, event, policy, to }) =>
        `  ${shortTimer(name)}  ${dueText(due, now)}${policy === 'deadline' ? '' : ` (${policy})`}${event.type === name ? '' : `  sends ${event.type}${to === undefined ? '' : ` to ${to}`}`}`,
    ),
  )
  section(
    'effects',
    Object.values(book.effects ?? {}).map(
      (effect) => `  ${effect.name}  ${effectText(effect, { ...shown, fork }, now)}  id ${effect.id}`,
    ),
  )
  section(
    'children',
    Object.entries(book.children ?? {}).map(
      ([id, { src, address: at, effect }]) => `  ${id}  ${src}  ${at ?? `effect ${effect}`}`,
    ),
  )
  if (parked.length > 0) {
    section(
      'parked',
      parked
        .slice(0, 5)
        .map(
          ({ place, at, fault, event }) =>
            `  ${place}  ${timeText(at, now)}  ${event?.type ?? '(no event)'}  ${fault.message} (${fault.code})`,
        ),
    )
    if (parked.length > 5) out.line(`  … ${parked.length - 5} more: perdure parked list ${address}`)
  }
  out.line()
  out.line(`${out.style('bold', 'context')} ${out.style('dim', `(state of ${bytesText(encodeState(state).length)})`)}`)
  out.line(showValue(out, snapshot.context, { whole: call.is('full'), indent: '  ' }))
  if (snapshot.output !== undefined) {
    out.line()
    out.line(out.style('bold', 'output'))
    out.line(showValue(out, snapshot.output, { whole: call.is('full'), indent: '  ' }))
  }
  section('last steps', stepLines(history, now))
}

function effectText(
  {
    id,
    attempt,
    notBefore,
    lastError,
  }: { readonly id: string; readonly attempt: number; readonly notBefore: number; readonly lastError?: unknown },
  { undecided, places, fork }: ShownActor & Pick<Found, 'fork'>,
  now: number,
): string {
  if (undecided.includes(id)) return 'outcome unknown: perdure effects resolve'
  const said = (lastError as { message?: unknown } | undefined)?.message
  const error = typeof said === 'string' ? `, last error: ${clip(said, 40)}` : ''
  const place = places[id]
  if (place !== undefined && 'reason' in place)
    return fork === undefined ? `waits for a node: ${place.reason}` : `does not run: ${place.reason}`
  return notBefore > now
    ? `attempt ${attempt} ${dueText(notBefore, now)}${error}`
    : `running${place === undefined ? '' : ` on ${place.node}`}, attempt ${attempt}${error}`
}

/** What a fork was told of the world, it was told so. */
function answeredText({ effects }: Fork): string {
  if (effects.is === 'block') return 'are blocked'
  const rest = effects.is === 'allow' ? `, but ${effects.names.join(', ')} run` : ', none runs'
  return `are answered from the journal${rest}`
}

function clip2(line: string, width: number): string {
  const indent = /^ */.exec(line)?.[0] ?? ''
  // Two blanks stand between columns; a sentence keeps its single ones.
  const columns = line
    .trim()
    .split(/ {2,}/)
    .map((column) => clip(column, width))
  const text = indent + columns.join('  ')
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`
}

function stepLines(history: HistoryLines, now: number): string[] {
  return history.flatMap(({ at, steps }) =>
    steps.map(
      ({ seq, type, mark }) =>
        `  ${timeText(at, now)}  ${type}${mark === undefined ? '' : ` (${mark})`}  ${seq === 0 ? 'timer' : `at ${seq}`}`,
    ),
  )
}
