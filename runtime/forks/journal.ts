/**
 * What the parent recorded of the effects that its fork asks for. It serves "effects are answered
 * from the journal of what they returned before". Invariants: what was pending in the cut is known
 * by its id; what began afterwards is the same only when the same actor asked for the same thing with
 * the same input as often before; where that cannot be said there is no answer.
 */
import type { Address } from '#protocol/address.ts'
import type { Fork } from '#protocol/fork.ts'
import type { Effect } from '#protocol/state.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Taken } from '#runtime/past/inputs.ts'
import { type BegunEffect, begunIn } from './begun-effects.ts'
import { type Journal, nothing } from './firewall.ts'
import { isEnd, toldIndexOf, type ToldIndex } from './told-index.ts'

/** A log after the cut: what was told there, and what became of one actor. */
export type LogAfterCut = {
  readonly bus: Bus
  /** Commits of one actor, from the cut to the present end. */
  taken(address: Address): AsyncIterable<Taken>
}

type World = {
  readonly fork: Fork
  /** Opened when something is first asked of it. */
  readonly parent: () => Promise<LogAfterCut>
  readonly own: (address: Address) => AsyncIterable<Taken>
}

export function journalOf({ fork, parent, own }: World): Journal {
  const { of, generation, partitions, markers } = fork
  let opened: Promise<{ readonly log: LogAfterCut; readonly index: ToldIndex }> | undefined

  async function open() {
    const log = await parent()
    return { log, index: toldIndexOf(log.bus, { partitions, after: markers }) }
  }

  return {
    async of(address, effect) {
      opened ??= open().catch((error: unknown) => {
        opened = undefined
        throw error
      })
      const { log, index } = await opened
      let read: Promise<readonly BegunEffect[]> | undefined
      const there = (): Promise<readonly BegunEffect[]> => (read ??= begunIn(log.taken(address)))
      const id = isOlder(effect, generation) ? effect.id : await sameOf(address, effect, there)
      if (id === undefined) return nothing(`after the cut ${of} did not ask for it with this input`)
      const told = await index.of(address, id)
      if (told.some(({ content }) => isEnd(content))) return { told, end: 'told', reason: '' }
      const isSettled = async (): Promise<boolean> => (await there()).some((one) => one.id === id && one.isSettled)
      if (effect.is === 'action' && (await isSettled())) return { told, end: 'settled', reason: '' }
      return { ...nothing(`${of} has not recorded how it ended`), told }
    },
  }

  /** The id under which the parent knows it. */
  async function sameOf(
    address: Address,
    effect: Effect,
    there: () => Promise<readonly BegunEffect[]>,
  ): Promise<string | undefined> {
    const here = await begunIn(own(address))
    const mine = here.find(({ id }) => id === effect.id)
    if (mine === undefined) return undefined
    const ordinal = here.filter(({ key }) => key === mine.key).indexOf(mine)
    return (await there()).filter(({ key }) => key === mine.key)[ordinal]?.id
  }
}

/** It was pending in the cut: ids begin with the generation that gave them. */
function isOlder({ id }: Effect, generation: number): boolean {
  return Number(id.slice(0, id.indexOf('-'))) <= generation
}
