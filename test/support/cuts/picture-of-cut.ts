/** A cut of a realm of wallets as a picture, read from nothing but the cut. */
import { decodeEnvelope } from '#protocol/envelope.ts'
import { decodeState } from '#protocol/state.ts'
import { matches, parseStored } from '#protocol/subject.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import type { TakenCut } from '#test/support/sim/cut-audit.ts'
import type { Picture, Pictured } from './picture.ts'
import type { News, Pay, Wallet, WalletEvent } from './wallet.ts'

const prefix = 'wallet/'

export function pictureOf({ states, flights, manifest }: TakenCut): Picture {
  const wallets = new Map<string, Pictured>()
  const following: { readonly name: string; readonly pattern: string; readonly from: number }[] = []
  for (const [address, bytes] of states) {
    if (bytes === null || !address.startsWith(prefix) || address.includes('~')) continue
    const name = address.slice(prefix.length)
    const { snapshot, book } = decodeState(bytes)
    wallets.set(name, {
      wallet: snapshot.context as Wallet,
      timers: Object.values(book.timers ?? {}).flatMap(({ event }) => ('id' in event ? [String(event['id'])] : [])),
      effects: Object.values(book.effects ?? {}).map(({ input }) => (input as { readonly id: string }).id),
    })
    for (const { pattern, from } of book.subscriptions ?? []) following.push({ name, pattern, from })
  }
  const paying: { to: string; event: Pay }[] = []
  const telling: { to: string; event: News }[] = []
  for (const [position, subject, data] of flights) {
    const stored = parseStored(subject)
    if (stored.is === 'ev') {
      const told = subject.slice(manifest.realm.length + 4)
      for (const { name, pattern, from } of following)
        if (position > from && matches(pattern, told))
          telling.push({ to: name, event: emittedOf(data) as unknown as News })
    } else if (stored.is === 'in' && typeof stored.sender === 'number' && stored.address.startsWith(prefix)) {
      const { content } = decodeEnvelope(stored.address, data).envelope
      const event = content.is === 'event' ? (content.event as unknown as WalletEvent) : undefined
      if (event?.type === 'PAY') paying.push({ to: stored.address.slice(prefix.length), event })
    }
  }
  return { wallets, paying, telling }
}
