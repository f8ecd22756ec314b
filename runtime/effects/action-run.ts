/**
 * One run of a named custom action: its function, called as XState would call it, once the commit
 * that asked for it is on the log.
 */
import type { Address } from '#protocol/address.ts'
import { Ref } from '#protocol/codec.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import { Fault } from '#protocol/fault.ts'
import type { ActionFunction } from '#runtime/core/blueprint.ts'
import type { EffectRun } from './effect-run.ts'
import { type Names, speaking, systemFor, type Voice } from './effect-system.ts'

type Work = {
  readonly name: string
  /** Nothing when the definition that runs now has no such action. */
  readonly call: ActionFunction | undefined
  readonly address: Address
  /** What the machine gave it, as it was recorded. */
  readonly input: { readonly params: unknown; readonly event: AnyEvent; readonly context: unknown }
  readonly names: Names
  /** What it sends by itself: to its own actor, and to those it finds in the system. */
  readonly voice: Voice
  /** Resolves when all of that is stored: else a crash after its end would lose it. */
  readonly sent: () => Promise<void>
}

type Ends = { readonly done: () => void; readonly failed: (error: unknown) => void }

export function runAction({ name, call, address, input, names, voice, sent }: Work, { done, failed }: Ends): EffectRun {
  let isStopped = false
  const { params, event, context } = input
  const self = speaking(new Ref(address), voice)
  const system = systemFor(names, voice)
  Promise.resolve()
    .then(() => {
      if (call === undefined) throw new Fault('action.absent', { value: name })
      return call({ context, event, self, system } as never, params as never)
    })
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
