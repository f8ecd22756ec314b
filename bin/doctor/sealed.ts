/** What restores left on the server: nobody needs it to serve, and it takes room. */
import { bytesText } from '#bin/layout.ts'
import type { BusOptions } from '#runtime/nats/bus-options.ts'
import { openSealedGenerations, type SealedGeneration } from '#runtime/nats/sealed-generations.ts'
import { type Finding, ok } from './finding.ts'

export async function checkSealed(options: BusOptions): Promise<Finding | undefined> {
  await using sealed = await openSealedGenerations(options)
  const all = await sealed.list()
  return all.length === 0 ? undefined : ok('generations', sealedText(all))
}

export function sealedText(all: readonly SealedGeneration[]): string {
  const bytes = bytesText(all.reduce((sum, one) => sum + one.bytes, 0))
  const numbers = all.map(({ generation }) => generation).join(', ')
  const what = all.length === 1 ? `Generation ${numbers} is` : `Generations ${numbers} are`
  return `${what} sealed and can still be looked at (${bytes}); "perdure restore --forget-sealed" removes what is not needed any more.`
}
