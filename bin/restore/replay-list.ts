/**
 * The list of what came after a cut, or of what a rewind loses, as JSON lines: printed, edited by anybody with any tool, and
 * read back. It serves "listed first, droppable and editable". Invariants: a line that is gone is
 * not delivered; one that was not touched is delivered as it came, byte for byte in its event; what
 * came after the list was made is delivered as well, because nobody looked at it and dropped it.
 */
import { readFile } from 'node:fs/promises'
import { plain } from '#bin/output.ts'
import { type Address, isAddress, parseAddress, rootOf } from '#protocol/address.ts'
import { isEvent } from '#protocol/envelope.ts'
import { encodeOutside } from '#protocol/outside.ts'
import { Fault } from '#protocol/fault.ts'
import type { Came } from '#runtime/cuts/restoring/replay.ts'

/** Which cut it is of (or which actor), and where the list ended: in every line, so that any selection of lines says it. */
type Origin = { readonly cut: string; readonly generation: number; readonly position: number }

type Line = {
  readonly address: Address
  readonly at: readonly [generation: number, position: number] | undefined
  readonly event: unknown
  readonly id: string | undefined
  readonly raw: string | undefined
}

export type ReplayList = { readonly lines: readonly Line[]; readonly through: readonly [number, number] | undefined }

export function lineOf(came: Came, through: Came, cut: string): object {
  const { envelope, generation, position, address, data, at } = came
  const content = envelope?.content
  return {
    list: `${cut}@${through.generation}.${through.position}`,
    at: new Date(at).toISOString(),
    entry: [generation, position],
    to: envelope?.to ?? address,
    ...(content?.is === 'event'
      ? { event: plain(content.event), from: envelope?.from, id: envelope?.id }
      : { raw: Buffer.from(data).toString('base64') }),
  }
}

export async function readReplayList(
  path: string,
  cut: string,
  other: 'replay.otherCut' | 'rewind.otherList' = 'replay.otherCut',
): Promise<ReplayList> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new Fault('config.unreadable', { value: path, reason: (cause as Error).message }, { cause })
  }
  const lines: Line[] = []
  let through: readonly [number, number] | undefined
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const where = { line: at + 1, value: path }
    const { origin, ...read } = parseLine(line, where)
    if (origin !== undefined && origin.cut !== cut) throw new Fault(other, { ...where, have: origin.cut, want: cut })
    if (origin !== undefined) through = [origin.generation, origin.position]
    const before = lines.findLast((one) => one.at !== undefined)?.at
    if (read.at !== undefined && before !== undefined && compare(before, read.at) >= 0)
      throw new Fault('replay.invalid', {
        ...where,
        reason: 'it stands before the one above it on the log; keep the order',
      })
    lines.push(read)
  }
  return { lines, through }
}

type Where = { readonly line: number; readonly value: string }

function parseLine(text: string, where: Where): Line & { readonly origin: Origin | undefined } {
  const invalid = (reason: string): Fault => new Fault('replay.invalid', { ...where, reason })
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw invalid(`it is no JSON (${(cause as Error).message})`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('it is no object')
  const { to, entry, event, raw, id, list } = value
  if (typeof to !== 'string' || !isAddress(to)) throw invalid('"to" is no address')
  if (raw === undefined && !isEvent(event)) throw invalid('"event" is no object with a type')
  const isEntry = Array.isArray(entry) && entry.length === 2 && entry.every(Number.isSafeInteger)
  if (entry !== undefined && !isEntry) throw invalid('"entry" is no pair of numbers')
  return {
    address: parseAddress(to),
    at: isEntry ? (entry as [number, number]) : undefined,
    event,
    id: typeof id === 'string' ? id : undefined,
    raw: typeof raw === 'string' ? raw : undefined,
    origin: typeof list === 'string' ? originOf(list) : undefined,
  }
}

function originOf(list: string): Origin | undefined {
  const [, cut, generation, position] = /^(.+)@(\d+)\.(\d+)$/.exec(list) ?? []
  return cut === undefined ? undefined : { cut, generation: Number(generation), position: Number(position) }
}

/** What the list says, over what the log has; on other servers the list is all there is. */
export async function* chosenOf(list: ReplayList, came: AsyncIterable<Came>): AsyncGenerator<Came> {
  const { lines, through } = list
  let next = 0
  for await (const one of came) {
    const here = placeOf(one)
    for (
      let line = lines[next];
      line !== undefined && (line.at === undefined || compare(line.at, here) < 0);
      line = lines[next]
    ) {
      yield ownOf(line)
      next++
    }
    const line = lines[next]
    if (line?.at !== undefined && compare(line.at, here) === 0) {
      yield isUntouched(line, one) ? one : editedOf(line, one)
      next++
    } else if (through !== undefined && compare(here, through) > 0) yield one
  }
  for (const line of lines.slice(next)) yield ownOf(line)
}

function placeOf({ generation, position }: Came): readonly [number, number] {
  return [generation, position]
}

function compare(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1]
}

function isUntouched({ event, raw, address }: Line, { envelope, address: root }: Came): boolean {
  if (raw !== undefined) return true
  if (envelope?.content.is !== 'event' || (envelope.to ?? root) !== address) return false
  return JSON.stringify(plain(envelope.content.event)) === JSON.stringify(event)
}

function editedOf(line: Line, came: Came): Came {
  const { envelope } = came
  if (envelope === undefined || !isEvent(line.event) || line.address !== envelope.to) return ownOf(line)
  return { ...came, envelope: { ...envelope, content: { is: 'event', event: line.event } } }
}

/** It stands on no log that is here. */
function ownOf({ address, at, event, id, raw }: Line): Came {
  const [generation, position] = at ?? [0, 0]
  const root = rootOf(address)
  const child = address.slice(root.length)
  const note = { ...(id !== undefined && { id }), ...(child !== '' && { child }) }
  const data = raw === undefined && isEvent(event) ? encodeOutside(event, note) : Buffer.from(raw ?? '', 'base64')
  return { generation, position, address: root, at: 0, envelope: undefined, data }
}
