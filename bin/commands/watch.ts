/** `perdure watch`: what happens now, as it is committed. */
import type { Call, Command } from '#bin/command.ts'
import { clip, pad, stateText } from '#bin/layout.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { type Read, readEntry } from '#bin/read-entry.ts'
import { topicOf } from '#bin/topic.ts'
import { partitionOf } from '#protocol/partition.ts'
import { type Address, parseAddress, type RealmHandle, systemClock } from '#runtime/index.ts'

export const command: Command = {
  name: 'watch',
  title: 'shows what comes in, is emitted and is parked, live',
  usage: ['[address | pattern]'],
  about: [
    'Of the whole realm: events from outside, what machines emit, and what is parked. Of one actor also what other actors, effects and timers bring, and each state that it takes. With a pattern (kind.key.type) only emitted events that fit it. Ctrl-C ends it.',
  ],
  examples: ['watch', 'watch order/42', "watch 'order.*.PAID' --json"],
  flags: { count: { type: 'text', value: 'n', about: 'Ends after so many.' } },
  settings: 'connection',
  json: 'A line for each: {"is":"to"|"ev"|"parked"|"state","seq","at", …}.',
  async run(call) {
    const [word, extra] = call.words
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one actor or pattern can be named.`)
    const realm = await call.realm()
    const over = Promise.withResolvers<void>()
    call.onInterrupt(() => over.resolve())
    const most = call.count('count', 0) || Infinity
    let count = 0
    const show = (seen: Seen): void => {
      if (count >= most) return
      count++
      print(call, seen)
      if (count >= most) over.resolve()
    }
    const address = word?.includes('/') === true ? parseAddress(word) : undefined
    await follow(realm, filtersOf(realm, word, address), show)
    if (address !== undefined) followState(realm, address, show)
    if (!call.json) call.out.note(call.out.style('dim', `watching ${word ?? `realm ${realm.name}`}; Ctrl-C ends it`))
    await over.promise
    return 0
  },
}

type Seen =
  | Read
  | {
      readonly is: 'state'
      readonly at: number
      readonly address: Address
      readonly state: unknown
      readonly status: string
    }

function filtersOf(
  { name, partitions }: RealmHandle,
  word: string | undefined,
  address: Address | undefined,
): string[] {
  if (word === undefined) return [`${name}.in.*.x.>`, `${name}.ev.>`, `${name}.parked.>`]
  if (address === undefined) return [`${name}.ev.${topicOf(word)}`]
  const partition = partitionOf(address, partitions)
  const slash = address.indexOf('/')
  const dotted = `${address.slice(0, slash)}.${address.slice(slash + 1)}`
  return [`${name}.in.${partition}.*.${dotted}`, `${name}.ev.${dotted}.>`, `${name}.parked.${partition}.${dotted}`]
}

/** From the log and not from a bare subscription, which also shows what is refused in the end. */
async function follow(realm: RealmHandle, filters: readonly string[], show: (seen: Seen) => void): Promise<void> {
  const { lastSeq } = await realm.bus.logState()
  const readings = filters.map((filter) =>
    realm.bus.read({
      filter,
      from: lastSeq + 1,
      onEntry(entry) {
        const read = readEntry(entry)
        if (read !== undefined) show(read)
      },
    }),
  )
  await Promise.all(readings)
}

function followState(realm: RealmHandle, address: Address, show: (seen: Seen) => void): void {
  let last: string | undefined
  realm.at(address).subscribe({
    next(snapshot) {
      const { value, status } = snapshot as unknown as { value: unknown; status: string }
      const text = stateText(value, status)
      // A state that it was in before the watch, or stays in, is no news.
      if (last !== undefined && text !== last)
        show({ is: 'state', at: systemClock.now(), address, state: value, status })
      last = text
    },
    error: () => undefined,
  })
}

function print({ json, out }: Call, seen: Seen): void {
  if (json) return out.json(seen)
  const time = new Date(seen.at).toTimeString().slice(0, 8)
  const head = out.style('dim', time)
  const rest = out.width - 18
  switch (seen.is) {
    case 'to':
      return out.line(
        `${head} ${pad(out.style('cyan', 'to'), 7)} ${clip(`${addressText(seen.to)} ${seen.type}${payloadOf(seen.event)}${seen.from === undefined ? '' : ` from ${seen.from}`}`, rest)}`,
      )
    case 'ev':
      return out.line(
        `${head} ${pad(out.style('green', 'ev'), 7)} ${clip(`${addressText(seen.from)} ${seen.type}${payloadOf(seen.event)}`, rest)}`,
      )
    case 'parked':
      return out.line(
        `${head} ${pad(out.style('red', 'parked'), 7)} ${clip(`${addressText(seen.to)} ${seen.type ?? '(no event)'}: ${seen.fault.message} (${seen.fault.code})`, rest)}`,
      )
    case 'state':
      return out.line(
        `${head} ${pad(out.style('yellow', 'state'), 7)} ${clip(`${addressText(seen.address)} is ${stateText(seen.state, seen.status)}`, rest)}`,
      )
  }
}

function payloadOf(event: unknown): string {
  const { type: _, ...rest } = event as Record<string, unknown>
  return Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`
}
