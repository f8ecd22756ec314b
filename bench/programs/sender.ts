/** External senders: a process that knows nothing of the node but the realm's public addresses. */
import { type Access, configFor } from '#bench/access.ts'
import { alarm, box, conversation, counter, ring } from '#bench/actors.ts'
import { instantMs } from '#bench/instant.ts'
import { answerCalls } from '#bench/program.ts'
import { busOptionsOf, clientOptionsOf } from '#config/options.ts'
import { systemClock } from '#runtime/clock.ts'
import { realmHandleOf, type RealmHandle } from '#runtime/client/realm-handle.ts'
import { openBus } from '#runtime/nats/open-bus.ts'

export type SenderCalls = typeof calls

let isDripping = false
let opened: RealmHandle | undefined

async function connect({ access }: { readonly access: Access }): Promise<void> {
  const config = configFor(access)
  // Of a measure without a node nobody else makes the realm.
  const bus = await openBus({ ...busOptionsOf(config), auth: access.auth, create: true })
  opened = realmHandleOf({ bus, clock: systemClock }, { ...clientOptionsOf(config), client: undefined })
}

function realm(): RealmHandle {
  if (opened === undefined) throw new Error('the sender is not connected')
  return opened
}

export type FillSending = {
  readonly events: number
  readonly keys: number
  readonly first: number
  readonly window: number
  readonly bytes: number
  /** 0: no timer. */
  readonly waitMs: number
}

export type Timed = { readonly begunAt: number; readonly endedAt: number }

/** As many sends as `window` at once; ends when the last is acknowledged. */
async function pipeline(count: number, window: number, send: (at: number) => Promise<void>): Promise<Timed> {
  const begunAt = instantMs()
  let next = 0
  await new Promise<void>((done, failed) => {
    let acknowledged = 0
    const more = (): void => {
      if (++acknowledged === count) done()
      else if (next < count) send(next++).then(more, failed)
    }
    while (next < Math.min(window, count)) send(next++).then(more, failed)
  })
  return { begunAt, endedAt: instantMs() }
}

const calls = {
  connect,
  /** `first`: the number of the first event; event i goes to counter i mod keys and carries i. */
  count: ({ events, keys, first, window }: { events: number; keys: number; first: number; window: number }) => {
    const handles = Array.from({ length: keys }, (_, at) => realm().ref(counter, `${at}`))
    return pipeline(events, window, (at) => {
      const by = first + at
      return (handles[by % keys] as (typeof handles)[number]).send({ type: 'ADD', by })
    })
  },
  /** Event i goes to box i mod keys. */
  fill: ({ events, keys, first, window, bytes, waitMs }: FillSending) =>
    pipeline(events, window, (at) =>
      realm()
        .ref(box, `${(first + at) % keys}`)
        .send({ type: 'FILL', seed: first + at, bytes, waitMs }),
    ),
  /** So many a second to boxes 0 to keys - 1, until `hush`; resolves with how many when all are acknowledged. */
  drip: async ({ perSecond, keys, bytes }: { perSecond: number; keys: number; bytes: number }) => {
    const everyMs = 10
    const sends: Promise<void>[] = []
    isDripping = true
    const begunAt = instantMs()
    for (let sent = 0; isDripping; await new Promise((resolve) => setTimeout(resolve, everyMs))) {
      for (const due = ((instantMs() - begunAt) * perSecond) / 1000; sent < due; sent++) {
        const handle = realm().ref(box, `${(sent * 7_919) % keys}`)
        sends.push(handle.send({ type: 'FILL', seed: sent, bytes, waitMs: 0 }))
      }
    }
    await Promise.all(sends)
    return sends.length
  },
  hush: (_: null) => void (isDripping = false),
  one: async (key: string) => {
    const handle = realm().ref(counter, key)
    const begunAt = instantMs()
    await handle.send({ type: 'ADD', by: 1 })
    return { begunAt }
  },
  tokens: async ({ tokens, of, hops }: { tokens: number; of: number; hops: number }) =>
    pipeline(tokens, tokens, (at) =>
      realm()
        .ref(ring, `${at % of}`)
        .send({ type: 'TOKEN', at: at % of, of, left: hops }),
    ),
  arm: ({ prefix, ms, window }: { prefix: string; ms: readonly number[]; window: number }) =>
    pipeline(ms.length, window, (at) =>
      realm()
        .ref(alarm, `${prefix}${at}`)
        .send({ type: 'ARM', ms: ms[at] as number }),
    ),
  say: ({ key, turns }: { key: string; turns: readonly { who: string; text: string }[] }) =>
    pipeline(turns.length, 1, (at) => {
      const { who, text } = turns[at] as { who: string; text: string }
      return realm().ref(conversation, key).send({ type: 'SAY', who, text })
    }),
}

answerCalls(calls, async () => {
  await opened?.close()
  process.exit(0)
})
