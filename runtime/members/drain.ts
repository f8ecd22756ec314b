/**
 * Serves those who ask this node to give its partitions away. It serves the clause of the claim:
 * what moves is handed over, never dropped. Invariant: whoever asks again changes nothing and is
 * told how far it is.
 */
import { tokenOf } from '#protocol/address.ts'
import { decodeDrainRequest, type DrainRequest, encodeDrainProgress } from '#protocol/drain.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Share } from './share.ts'
import { trace } from '#runtime/trace.ts'

type World = {
  readonly bus: Bus
  readonly share: Pick<Share, 'setAside' | 'progress'>
  /** Ends this node; asked for when nothing is left. */
  readonly stop: () => void
}

export function serveDrain({ bus, share, stop }: World, name: string): { stop(): void } {
  let last: DrainRequest = 'undo'

  function onAsked(asked: DrainRequest): void {
    if (asked !== last) trace({ is: 'node.drain', node: name, asked, partitions: share.progress().left })
    last = asked
    share.setAside(
      asked === 'undo'
        ? undefined
        : () => {
            if (last === 'stop') stop()
          },
    )
  }

  return bus.serve(subjects.drain(bus.realm, tokenOf(name)), (data) => {
    const asked = decodeDrainRequest(data)
    if (asked !== undefined) onAsked(asked)
    return encodeDrainProgress(share.progress())
  })
}
