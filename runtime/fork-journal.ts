/**
 * The journal of a fork over NATS: where the parent's log is found, and the fork's own past. It
 * serves "answered from the journal". Invariant: nothing is opened before something is asked of it,
 * and all that was opened is closed with the node.
 */
import type { Fork } from '#protocol/fork.ts'
import type { Bus } from './bus.ts'
import type { RealmHandle } from './client/realm-handle.ts'
import type { Clock } from './clock.ts'
import type { Journal } from './forks/firewall.ts'
import { openJournal } from './forks/open-journal.ts'
import { openPlacedView } from './mending/placed-view.ts'
import type { BusOptions } from './nats/bus-options.ts'
import { openGenerations } from './nats/generations.ts'
import { openedTogether } from './opened.ts'

type World = { readonly clock: Clock; readonly openRealm: (realm: string) => Promise<RealmHandle> }

export type ForkJournal = Journal & AsyncDisposable

/** `own`: how the fork's own realm is reached. */
export function openForkJournal(
  { clock, openRealm }: World,
  fork: Fork,
  { own, retryMs }: { readonly own: Omit<BusOptions, 'create'>; readonly retryMs: number },
): ForkJournal {
  const opened = openedTogether()

  async function log(): Promise<Bus | undefined> {
    const parent = { ...own, realm: fork.of, create: false }
    const generations = opened.use(await openGenerations(parent))
    const raw = await generations.past(fork.generation)
    return raw && opened.use(await openPlacedView({ bus: raw, clock }, { retryMs }))
  }

  return {
    ...openJournal({
      fork,
      log,
      parent: async () => opened.use(await openRealm(fork.of)),
      own: async () => opened.use(await openRealm(own.realm)),
    }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}
