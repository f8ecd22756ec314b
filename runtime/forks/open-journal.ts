/**
 * The journal of a fork, put together: the parent's log as it is read, and the fork's own past. It
 * serves "answered from the journal". Invariants: the parent is read and nothing else; a realm that
 * only has its name is not taken for it.
 */
import type { Address } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import type { Fork } from '#protocol/fork.ts'
import type { Bus } from '#runtime/bus.ts'
import type { RealmPast } from '#runtime/client/past.ts'
import type { Taken } from '#runtime/past/inputs.ts'
import type { Journal } from './firewall.ts'
import { journalOf, type LogAfterCut } from './journal.ts'

export type PastOf = { readonly past: Pick<RealmPast, 'taken'> }

export type JournalWorld = {
  readonly fork: Fork
  /** The parent as it is now. */
  readonly parent: () => Promise<PastOf>
  /** By positions: the log of the generation that the cut is of; nothing when it is gone. */
  readonly log: () => Promise<Bus | undefined>
  readonly own: () => Promise<PastOf>
}

export function openJournal({ fork, parent, log, own }: JournalWorld): Journal {
  let mine: Promise<PastOf> | undefined

  return journalOf({
    fork,
    parent: async (): Promise<LogAfterCut> => {
      const bus = await log()
      const { of: realm, generation } = fork
      if (bus === undefined || (await bus.logState()).createdAt !== fork.log)
        throw new Fault('fork.otherLog', { realm, generation })
      const { past } = await parent()
      return {
        bus,
        async *taken(address: Address): AsyncGenerator<Taken> {
          // Of that log alone, though the parent may have been restored since.
          const { lastSeq } = await bus.logState()
          yield* past.taken(address, { from: { cut: fork.cut }, until: { seq: lastSeq } })
        },
      }
    },
    async *own(address) {
      mine ??= own()
      yield* (await mine).past.taken(address)
    },
  })
}
