/** `perdure parked`: what was set aside, with why; to look at, mend, replay or drop. */
import type { Call, Command } from '#bin/command.ts'
import { editText } from '#bin/edit-text.ts'
import { eventOfWords, parseJson } from '#bin/event-words.ts'
import { plural, table, timeText, wrap } from '#bin/layout.ts'
import { addressText } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { showValue } from '#bin/show-value.ts'
import { Fault } from '#protocol/fault.ts'
import { type AnyEvent, type ParkedEntry, parseAddress, type RealmHandle, systemClock } from '#runtime/index.ts'

const verbs = ['list', 'show', 'replay', 'drop'] as const

export const command: Command = {
  name: 'parked',
  title: 'what was set aside: list, show, replay, edit and replay, drop',
  usage: [
    '[list] [address] [--kind order] [--code event.invalid]',
    'show <place>',
    "replay <place>… [--event '<json>' | --edit]",
    'drop <place>…',
    'replay --all [--code event.invalid]      (also: drop --all)',
  ],
  about: [
    'What cannot be handled is parked whole, with its fault: nothing is dropped without a trace. A place is its number on the log. Replaying sends the event again, as it was or mended, and then removes it from here; a replay that is repeated steps once.',
  ],
  examples: [
    'parked',
    'parked show 1041',
    `parked replay 1041 --event '{"type":"PAY","amount":5}'`,
    'parked replay 1041 --edit',
    'parked drop --all --code event.untyped',
  ],
  flags: {
    event: { type: 'text', value: 'json', about: 'Replays this event instead of the one that was parked.' },
    edit: { type: 'yes', about: 'Opens the event in $EDITOR, and replays what was saved.' },
    all: { type: 'yes', about: 'All that fit --kind and --code, instead of places.' },
    kind: { type: 'text', value: 'kind', about: 'Only of actors of this kind.' },
    code: { type: 'text', value: 'code', about: 'Only those with this fault.' },
    limit: { type: 'text', value: '100', about: 'At most so many, the oldest; 100 by default.' },
  },
  settings: 'connection',
  json: 'list: a line for each {"place","address","at","fault","event"}; show: one value; replay and drop: a line for each {"place","address","done"}.',
  verbs,
  async run(call) {
    const [first, ...rest] = call.words
    const verb = verbs.find((one) => one === first)
    if (verb === undefined && first !== undefined && !first.includes('/')) {
      throw wrong(command, `"${first}" is neither an address nor one of ${verbs.join(', ')}.`)
    }
    const words = verb === undefined ? call.words : rest
    if (verb === 'show') await show(call, words)
    else if (verb === 'replay') await replay(call, words)
    else if (verb === 'drop') await drop(call, words)
    else await list(call, words)
    return 0
  },
}

function wantedBy(call: Call): { readonly kind?: string; readonly code?: string } {
  const { kind, code } = { kind: call.text('kind'), code: call.text('code') }
  return { ...(kind === undefined ? {} : { kind }), ...(code === undefined ? {} : { code }) }
}

async function list(call: Call, [text, extra]: readonly string[]): Promise<void> {
  if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one actor can be named.`)
  const limit = call.count('limit', 100) || Infinity
  const realm = await call.realm()
  const address = text === undefined ? {} : { address: parseAddress(text) }
  const found = await realm.parked.list({ ...wantedBy(call), ...address, limit: limit + 1 })
  const shown = found.slice(0, limit)
  if (call.json) {
    for (const one of shown) call.out.json(jsonOf(one))
    return
  }
  if (shown.length === 0) return call.out.line('Nothing is parked.')
  const now = systemClock.now()
  const rows = shown.map((one) => [
    String(one.place),
    timeText(one.at, now),
    addressText(one.address),
    typeOf(one),
    one.fault.code,
  ])
  for (const line of table(
    [
      { head: 'PLACE' },
      { head: 'SINCE' },
      { head: 'ADDRESS', most: 24 },
      { head: 'EVENT', most: 18 },
      { head: 'FAULT' },
    ],
    rows,
    call.out.width,
  ))
    call.out.line(line)
  if (found.length > limit) call.out.line(call.out.style('dim', `more than ${limit}; --limit 0 lists all`))
}

function typeOf({ event, envelope }: ParkedEntry): string {
  return event?.type ?? (envelope === undefined ? '(unreadable)' : `(${envelope.content.is})`)
}

function jsonOf({ place, address, at, seq, sender, fault, event, raw, envelope }: ParkedEntry): object {
  return {
    place,
    address,
    at,
    envelope: seq,
    sender,
    fault,
    event: event ?? null,
    ...(event === undefined && envelope !== undefined ? { content: envelope.content } : {}),
    ...(raw === undefined ? {} : { raw: textOf(raw) }),
  }
}

function textOf(raw: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw)
  } catch {
    return `base64:${Buffer.from(raw).toString('base64')}`
  }
}

async function show(call: Call, words: readonly string[]): Promise<void> {
  const [place, extra] = placesOf(words)
  if (place === undefined || extra !== undefined)
    throw wrong(command, 'Show which one? Name its place: perdure parked lists them.')
  const entry = await (await call.realm()).parked.get(place)
  if (call.json) return call.out.json(jsonOf(entry))
  const { out } = call
  const { address, at, seq, fault, event, raw, envelope } = entry
  out.line(
    `${out.style('bold', `parked at ${place}`)}, for ${addressText(address)}, since ${timeText(at, systemClock.now())}`,
  )
  for (const line of wrap(`${fault.message} (${fault.code})`, out.width)) out.line(line)
  out.line()
  out.line(
    `${seq === 0 ? 'it came from the node itself' : `the envelope was at ${seq}`}${envelope?.from === undefined ? '' : `, from ${envelope.from}`}${envelope?.cause === undefined ? '' : `, caused by ${envelope.cause}`}`,
  )
  if (event !== undefined) out.line(showValue(out, event, { whole: true }))
  else if (raw !== undefined) out.line(textOf(raw))
  else if (envelope !== undefined) out.line(showValue(out, envelope.content))
  // The stack is of the machine's own code, for whoever mends it; nobody else made this mistake.
  if (fault.stack !== undefined) out.line(`\n${fault.stack}`)
}

async function replay(call: Call, words: readonly string[]): Promise<void> {
  const given = call.text('event')
  if (given !== undefined && call.is('edit'))
    throw wrong(command, '--event and --edit are two ways to mend it; use one.')
  // Before anything is connected to: a typing mistake should cost nothing.
  const event = given === undefined ? undefined : eventOf(given)
  const realm = await call.realm()
  const entries = await chosen(call, realm, words)
  if (entries.length > 1 && (event !== undefined || call.is('edit')))
    throw wrong(command, 'One event at a time can be mended.')
  for (const entry of entries) {
    const mended = call.is('edit') ? await edited(call, entry) : event
    await realm.parked.replay(entry.place, mended)
    told(call, entry, 'replayed')
  }
}

function eventOf(text: string): AnyEvent {
  return text.trimStart().startsWith('{') ? eventOfWords([text]) : eventOfWords(text.split(/\s+/))
}

async function edited(call: Call, { event, raw, place }: ParkedEntry): Promise<AnyEvent> {
  const before =
    event === undefined ? (raw === undefined ? '{"type":""}' : textOf(raw)) : JSON.stringify(event, undefined, 2)
  const after = await editText(call.config.node.editor, before, `perdure-parked-${place}.json`)
  if (after.trim() === '')
    throw new Fault('usage.invalid', { reason: 'The file was left empty, so nothing was replayed.' })
  const value = parseJson(after, 'What was saved')
  if (typeof (value as { type?: unknown } | null)?.type !== 'string') throw new Fault('event.untyped')
  return value as AnyEvent
}

async function drop(call: Call, words: readonly string[]): Promise<void> {
  const realm = await call.realm()
  for (const entry of await chosen(call, realm, words)) {
    await realm.parked.drop(entry.place)
    told(call, entry, 'dropped')
  }
}

async function chosen(call: Call, realm: RealmHandle, words: readonly string[]): Promise<readonly ParkedEntry[]> {
  const places = placesOf(words)
  if (call.is('all')) {
    if (places.length > 0) throw wrong(command, '--all and places exclude each other.')
    const found = await realm.parked.list({ ...wantedBy(call), limit: call.count('limit', 0) || Infinity })
    if (!call.json) call.out.note(`${plural(found.length, 'parked envelope')} ${found.length === 1 ? 'fits' : 'fit'}`)
    return found
  }
  if (places.length === 0) throw wrong(command, 'Which? Name places (perdure parked lists them), or --all.')
  return await Promise.all(places.map((place) => realm.parked.get(place)))
}

function placesOf(words: readonly string[]): number[] {
  return words.map((word) => {
    if (!/^[1-9]\d{0,14}$/.test(word))
      throw wrong(command, `"${word}" is not a place; it is the number that "perdure parked" shows.`)
    return Number(word)
  })
}

function told({ json, out }: Call, { place, address }: ParkedEntry, done: 'replayed' | 'dropped'): void {
  if (json) out.json({ place, address, done })
  else out.line(`${done} what was parked at ${place} for ${addressText(address)}`)
}
