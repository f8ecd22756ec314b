/**
 * The registry of kinds in memory, as the other half of the memory bus: it serves tests in virtual
 * time. Invariant: a put over a revision that is not the key's present one changes nothing.
 */
import { Fault } from '#protocol/fault.ts'
import type { Registry } from '#runtime/bus.ts'

type Call = <T>(what: string, atLog: () => T) => Promise<T>

export function openMemoryRegistry(now: () => number): { over(call: Call): Registry } {
  const entries = new Map<string, { readonly value: Uint8Array; readonly revision: number }>()
  const changes: { readonly key: string; readonly value: Uint8Array; readonly at: number }[] = []
  let last = 0

  function put(key: string, value: Uint8Array, revision: number | undefined): number {
    const have = entries.get(key)?.revision ?? 0
    if (revision !== undefined && revision !== have)
      throw new Fault('bus.conflict', { value: key, want: revision, have })
    entries.set(key, { value, revision: ++last })
    changes.push({ key, value, at: now() })
    return last
  }

  return {
    over: (call) => ({
      get: (key) => call('registry.get', () => entries.get(key)?.value.slice()),
      entry: (key) =>
        call('registry.entry', () => {
          const found = entries.get(key)
          return { value: found?.value.slice(), revision: found?.revision ?? 0 }
        }),
      put: (key, value, revision) => {
        const kept = value.slice()
        return call('registry.put', () => put(key, kept, revision))
      },
      remove: (key) =>
        call('registry.remove', () => {
          if (entries.delete(key)) last++
        }),
      asOf: (key, instant) =>
        call('registry.asOf', () =>
          changes.findLast((change) => change.key === key && change.at <= instant)?.value.slice(),
        ),
      all: (prefix = '') =>
        call('registry.all', () =>
          [...entries]
            .filter(([key]) => key.startsWith(prefix))
            .map(([key, { value }]) => [key, value.slice()] as const)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        ),
      revision: () => call('registry.revision', () => last),
    }),
  }
}
