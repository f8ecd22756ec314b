/**
 * Brings errands to other nodes and answers theirs. Invariant: an errand reaches the process it
 * is meant for or nobody; one whose answer was lost is sent again, so each must bear to be heard
 * twice.
 */
import { tokenOf } from '#protocol/address.ts'
import {
  decodeErrand,
  decodeReply,
  encodeErrand,
  encodeReply,
  type Errand,
  type NodeLife,
  type Reply,
} from '#protocol/errand.ts'
import { isFault, storedFaultOf } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { Members } from './effects.ts'

export type ErrandsOptions = {
  readonly name: string
  readonly retryMs: number
  /** How long one answer is waited for. */
  readonly replyMs: number
}

export type Insistence = {
  readonly isWanted: () => boolean
  /** Told whether it may have been heard: that nobody listened is known, all else is not. */
  readonly mark?: { isSent: boolean }
}

export type Errands = {
  /** Again and again until it is answered; nothing when that process is gone, or nobody wants to know any more. */
  insist(to: NodeLife, errand: Errand, why: Insistence): Promise<Reply | undefined>
  serve(answer: (errand: Errand, from: NodeLife) => Reply): { stop(): void }
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly members: () => Members
}

export function errandsOf({ bus, clock, members }: World, { name, retryMs, replyMs }: ErrandsOptions): Errands {
  const { realm } = bus
  /** Empty until it has joined the others, and the same from then on. */
  let life = ''

  function ownLife(): string {
    if (life === '') ({ life } = members().self)
    return life
  }

  function isThere(who: NodeLife): boolean {
    return members().others.some((one) => one.name === who.node && one.life === who.life)
  }

  return {
    async insist(to, errand, { isWanted, mark = { isSent: false } }) {
      const data = encodeErrand({ errand, from: { node: name, life: ownLife() }, to: to.life })
      const subject = subjects.do(realm, tokenOf(to.node))
      while (isWanted() && isThere(to)) {
        const { isSent } = mark
        mark.isSent = true
        try {
          return decodeReply(await bus.request(subject, data, replyMs))
        } catch (error) {
          if (isFault(error, 'bus.closed')) return undefined
          if (isFault(error, 'bus.refused')) return { is: 'refused', reason: storedFaultOf(error).message }
          if (!isFault(error) || error.verdict !== 'retry') throw error
          if (error.code === 'bus.nobody') mark.isSent = isSent
        }
        await pause(clock, retryMs)
      }
      return undefined
    },
    serve(answer) {
      return bus.serve(subjects.do(realm, tokenOf(name)), (data) => {
        const { errand, from, to } = decodeErrand(data)
        // Of two processes under one name only the one that is meant may answer.
        if (to !== ownLife()) return encodeReply({ is: 'refused', reason: 'that process has ended' })
        return encodeReply(answer(errand, from))
      })
    },
  }
}
