/**
 * What is sent again behind a rewind, as a list that anybody edits with any tool. It serves "listed
 * first, droppable and editable", in the words of a restore's list. Invariants: a line that is gone is
 * not sent; one that was not touched is sent as it came; what is no line of what is lost is refused
 * before anything is changed; what was lost only after the list was made is sent as well.
 */
import { plain } from '#bin/output.ts'
import { type ReplayList, readReplayList } from '#bin/restore/replay-list.ts'
import { type AnyEvent, isEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { LostEvent, Rewinding } from '#runtime/index.ts'

type Listed = Pick<Rewinding, 'named' | 'lost'>

/** What becomes of each event that is lost, by its place. */
export type Choice = ReadonlyMap<number, Chosen>

export type Chosen = { readonly again: 'asItCame' | 'dropped' } | { readonly again: 'edited'; readonly event: AnyEvent }

export function againLines({ named, lost }: Listed, generation: number): readonly object[] {
  const through = lost.at(-1)?.seq ?? 0
  return lost.map(({ address, seq, input: { at, arrival } }) => {
    const envelope = arrival?.by === 'envelope' ? arrival.envelope : undefined
    return {
      list: `${named}@${generation}.${through}`,
      at: new Date(at).toISOString(),
      entry: [generation, seq],
      to: address,
      event: plain(eventOf(arrival)),
      ...{ from: envelope?.from, id: envelope?.id },
    }
  })
}

export async function readChoice(path: string, rewinding: Listed, generation: number): Promise<Choice> {
  const { named, lost } = rewinding
  const list = await readReplayList(path, named, 'rewind.otherList')
  const bySeq = new Map(lost.map((one) => [one.seq, one]))
  const edits = new Map<number, Chosen>()
  for (const line of list.lines) {
    const [of, seq] = line.at ?? []
    const one = seq === undefined || of !== generation ? undefined : bySeq.get(seq)
    const isLost = one?.address === line.address && isEvent(line.event)
    if (one === undefined || !isLost || !isEvent(line.event))
      throw new Fault('rewind.notLost', { file: path, address: named, value: textOf(line) })
    const isUntouched = JSON.stringify(plain(eventOf(one.input.arrival))) === JSON.stringify(line.event)
    edits.set(one.seq, isUntouched ? { again: 'asItCame' } : { again: 'edited', event: line.event })
  }
  const until = list.through?.[1] ?? Number.MAX_SAFE_INTEGER
  return new Map(lost.map(({ seq }) => [seq, edits.get(seq) ?? { again: seq > until ? 'asItCame' : 'dropped' }]))
}

/** As `Rewinding.apply` takes it. */
export function replayBy(choice: Choice): (lost: LostEvent) => AnyEvent | undefined {
  return ({ seq, event }) => {
    const chosen = choice.get(seq)
    if (chosen?.again === 'edited') return chosen.event
    return chosen?.again === 'asItCame' ? event : undefined
  }
}

function eventOf(arrival: Rewinding['lost'][number]['input']['arrival']): AnyEvent | undefined {
  const content = arrival?.by === 'envelope' ? arrival.envelope.content : undefined
  return content?.is === 'event' ? content.event : undefined
}

function textOf({ address, at, event }: ReplayList['lines'][number]): string {
  const type = isEvent(event) ? event.type : 'no event'
  return `${type} to ${address}, ${at === undefined ? 'which stands at no place' : `entry ${at.join('.')}`}`
}
