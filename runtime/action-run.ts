/**
 * One run of a named custom action: its function, called as XState would call it, once the commit
 * that asked for it is on the log.
 */
import type { Address } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { ActionFunction } from './core/blueprint.ts'
import type { EffectRun } from './effect-run.ts'

type Work = {
  readonly call: ActionFunction | undefined
  readonly address: Address
  /** What the machine gave it, as it was recorded. */
  readonly input: { readonly params: unknown; readonly event: AnyEvent; readonly context: unknown }
  /** What it sends to its own actor by itself. */
  readonly send: (event: AnyEvent) => void
  /** Resolves when all of that is stored: else a crash after its end would lose it. */
  readonly sent: () => Promise<void>
}

type Ends = { readonly done: () => void; readonly failed: (error: unknown) => void }

export function runAction({ call, address, input, send, sent }: Work, { done, failed }: Ends): EffectRun {
  let isStopped = false
  const { params, event, context } = input
  const self = Object.assign(new Ref(address), { send })
  const system = { get: () => undefined, getAll: () => ({}) }
  Promise.resolve()
    .then(() => call?.({ context, event, self, system } as never, params as never))
    .then(sent)
    .then(
      () => {
        if (!isStopped) done()
      },
      (error: unknown) => {
        if (!isStopped) failed(error)
      },
    )
  return { stop: () => void (isStopped = true), tell: () => undefined }
}
