/**
 * What runs of effects told on the parent's log after the cut, by effect. It serves "answered from
 * the journal of what they returned before". Invariants: an effect is known by its id alone, which
 * is never given twice; of what stands there twice, because it was sent again, one counts.
 */
import type { Address } from '#protocol/address.ts'
import { type Content, decodeEnvelope } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { readThrough } from '#runtime/partition/read-through.ts'
import type { Told } from './firewall.ts'

export type ToldIndex = {
  /** In the order in which it was told. */
  of(address: Address, effect: string): Promise<readonly Told[]>
}

type Options = {
  readonly partitions: number
  /** By partition, behind what. */
  readonly after: readonly number[]
}

/** Of all partitions; a place on the log and an id are kept of each. */
const entriesMost = 2_000_000

type Part = { upTo: number; readonly places: Map<string, number[]> }

export function toldIndexOf(bus: Bus, { partitions, after }: Options): ToldIndex {
  const parts = new Map<number, Part>()
  const reading = new Map<number, Promise<void>>()
  let entries = 0

  function note(part: Part, effect: string, seq: number): void {
    if (++entries > entriesMost) throw new Fault('fork.journal', { realm: bus.realm.name, limit: entriesMost })
    const known = part.places.get(effect)
    if (known === undefined) part.places.set(effect, [seq])
    else known.push(seq)
  }

  /** From where it was read to, up to the present end. */
  async function readOn(partition: number, part: Part): Promise<void> {
    const found: [string, number][] = []
    // Those of effects, and those of persons who said how one ended.
    for (const sender of ['e', 'c'])
      await readThrough(
        bus,
        `${bus.realm.name}.in.${partition}.${sender}.>`,
        ({ subject, data, seq }) => {
          const effect = effectIn(subject, data)
          if (effect !== undefined) found.push([effect, seq])
          return true
        },
        part.upTo + 1,
      )
    for (const [effect, seq] of found.toSorted(([, a], [, b]) => a - b)) {
      note(part, effect, seq)
      part.upTo = Math.max(part.upTo, seq)
    }
  }

  async function partFor(address: Address): Promise<Part> {
    const partition = partitionOf(address, partitions)
    const part = parts.get(partition) ?? { upTo: after[partition] ?? 0, places: new Map() }
    parts.set(partition, part)
    const known = reading.get(partition) ?? readOn(partition, part).finally(() => reading.delete(partition))
    reading.set(partition, known)
    await known
    return part
  }

  return {
    async of(address, effect) {
      const { places } = await partFor(address)
      const told: Told[] = []
      const seen = new Set<string>()
      for (const seq of places.get(effect) ?? []) {
        const entry = await bus.get(seq)
        const one = entry && toldIn(entry.subject, entry.data)
        if (one === undefined || seen.has(copyOf(one))) continue
        seen.add(copyOf(one))
        told.push(one)
        if (isEnd(one.content)) break
      }
      return told
    },
  }
}

export function isEnd(content: Content): boolean {
  return content.is === 'effect' && !('nth' in content.result)
}

function envelopeIn(subject: string, data: Uint8Array) {
  const stored = parseStored(subject)
  return stored.is === 'in' ? decodeEnvelope(stored.address, data).envelope : undefined
}

function effectIn(subject: string, data: Uint8Array): string | undefined {
  const { content, from } = envelopeIn(subject, data) ?? {}
  if (content?.is === 'effect' || content?.is === 'resolveEffect') return content.effect
  // What its function sent to one of its family.
  return content?.is === 'event' ? from : undefined
}

function toldIn(subject: string, data: Uint8Array): Told | undefined {
  const { content, to, id } = envelopeIn(subject, data) ?? {}
  if (content?.is === 'resolveEffect')
    return { content: { is: 'effect', effect: content.effect, result: content.result } }
  return content === undefined ? undefined : { content, to, id }
}

function copyOf({ content, to, id }: Told): string {
  if (content.is !== 'effect') return `sent ${to} ${id}`
  return 'nth' in content.result ? `${content.result.is} ${content.result.nth}` : 'end'
}
