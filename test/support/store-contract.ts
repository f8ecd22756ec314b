/**
 * What every store promises, whatever it is made of. Run over memory and LMDB; a new store is
 * done when this is green.
 */
import { decodeHeld, encodeHeld } from '#protocol/held.ts'
import { describe, expect, test } from 'vitest'
import type { Address } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import { advance, shadowOf } from '#protocol/delta.ts'
import { isFault } from '#protocol/fault.ts'
import type { ClientMark, ClientMoves } from '#protocol/folded.ts'
import { partitionOf } from '#protocol/partition.ts'
import type { FoldedChange, HistoryLine, Store, StoreIdentity } from '#store/store.ts'
import { addressesIn, full, identity, lineOf, positionOf, stateOf } from './store-samples.ts'

/** A place that outlives the stores opened on it. */
export type StorePlace = {
  open(identity: StoreIdentity): Promise<Store>
  /** What is left when the process is killed now. */
  crash(): Promise<void>
  remove(): Promise<void>
}

const movesOf = (...marks: ClientMark[]): ClientMoves => new Map(marks.map((mark) => [mark[0], mark]))
const byName = (a: ClientMark, b: ClientMark): number => (a[0] < b[0] ? -1 : 1)
const clientsOf = (store: Store, partition: number): ClientMark[] => [...store.clients(partition)].sort(byName)

async function faultCodeOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (isFault(error)) return error.code
    throw error
  }
  return 'none'
}

export function describeStore(name: string, openPlace: () => Promise<StorePlace>): void {
  const law = (title: string, body: (store: Store, place: StorePlace) => Promise<void>) => {
    test(title, async () => {
      const place = await openPlace()
      try {
        const store = await place.open(identity)
        await body(store, place)
        await store.close()
      } finally {
        await place.remove()
      }
    })
  }
  const reopened = async (place: StorePlace, store: Store): Promise<Store> => {
    await store.close()
    return place.open(identity)
  }

  describe(name, () => {
    law('a new store knows nothing', async (store) => {
      expect(store.partition(3)).toBeUndefined()
      expect(store.read('order/1')).toBeUndefined()
      expect(store.count()).toBe(0)
      expect([...store.addresses({})]).toEqual([])
      expect(store.alive.get()).toBeUndefined()
      expect(store.identity).toEqual(identity)
    })

    law('what is held of the log is kept with its fold, newest first, until it is trimmed', async (store, place) => {
      const chunkOf = (seq: number): Uint8Array =>
        encodeHeld([{ seq, subject: 'shop.commit.1', data: Buffer.alloc(400, seq), at: 0 }], seq)
      await store.fold([{ partition: positionOf(1, 1), changes: [], history: [] }], chunkOf(1))
      await Promise.all([store.fold([], chunkOf(2)), store.fold([], chunkOf(3))])
      const again = await reopened(place, store)
      await again.fold([], chunkOf(4))
      const seqs = (): number[] =>
        [...again.recents.chunks()].flatMap((chunk) => decodeHeld(chunk)).map(({ seq }) => seq)
      expect(seqs()).toEqual([4, 3, 2, 1])
      await again.recents.trim(3, 1e9)
      expect(seqs()).toEqual([4, 3])
      await again.recents.trim(0, 100)
      expect(seqs()).toEqual([])
      await again.close()
    })

    law('a fold brings states and position together, and a reopened store has both', async (store, place) => {
      const [a, b] = addressesIn(2, 2) as [Address, Address]
      const position = positionOf(2, 1, {
        marks: { 1: [4, 2], 11: [9, 0] },
        visitFloor: 17,
        forgottenAt: 1200,
      })
      const marks = movesOf(['c1', 7, 1234], ['c-2', 1, 99])
      await store.fold([{ partition: position, clients: marks, changes: [full(a, 1), full(b, 2)], history: [] }])
      const expectBoth = (one: Store) => {
        expect(one.partition(2)).toEqual(position)
        expect(clientsOf(one, 2)).toEqual([
          ['c-2', 1, 99],
          ['c1', 7, 1234],
        ])
        expect(one.read(a)).toEqual(stateOf(1))
        expect(one.read(b)).toEqual(stateOf(2))
        expect(one.count()).toBe(2)
      }
      expectBoth(store)
      const again = await reopened(place, store)
      expectBoth(again)
      await again.close()
    })

    law('what is read belongs to the reader', async (store) => {
      const [a] = addressesIn(0, 1) as [Address]
      await store.fold([{ partition: positionOf(0, 1), changes: [full(a, 1)], history: [] }])
      const array = store.read(a) as unknown[]
      ;(array[5] as { steps: number }).steps = 77
      expect(store.read(a)).toEqual(stateOf(1))
    })

    law('of several folds the last word counts, in order', async (store) => {
      const [a, b, c] = addressesIn(1, 3) as [Address, Address, Address]
      await Promise.all([
        store.fold([{ partition: positionOf(1, 1), changes: [full(a, 1), full(b, 1), full(c, 1)], history: [] }]),
        store.fold([{ partition: positionOf(1, 2), changes: [full(a, 2), { address: b, is: 'gone' }], history: [] }]),
        store.fold([
          { partition: positionOf(1, 3), changes: [full(b, 3), { address: c, is: 'gone' }], history: [] },
          { partition: positionOf(1, 4), changes: [full(a, 4, { due: 4 })], history: [] },
          { partition: positionOf(1, 4), changes: [full(a, 4, { due: 5 })], history: [] },
        ]),
      ])
      expect([...store.needs(1)]).toEqual([[a, { due: 5 }]])
      expect([store.read(a), store.read(b), store.read(c)]).toEqual([stateOf(4), stateOf(3), undefined])
      expect(store.partition(1)?.n).toBe(4)
      expect(store.count()).toBe(2)
    })

    law('the marks of clients are kept until they move, or are forgotten', async (store, place) => {
      const fold = (one: Store, n: number, clients?: ClientMoves) =>
        one.fold([
          { partition: positionOf(1, n), ...(clients === undefined ? {} : { clients }), changes: [], history: [] },
        ])
      // A session may be called anything that a subject can hold.
      await fold(store, 1, movesOf(['a', 1, 1], ['b', 2, 2], ['__proto__', 1, 2]))
      await Promise.all([
        fold(store, 2, new Map([...movesOf(['b', 3, 3], ['c', 1, 4]), ['a', undefined]])),
        fold(store, 3, new Map([...movesOf(['a', 1, 5]), ['c', undefined]])),
      ])
      await fold(store, 4)
      expect(clientsOf(store, 1)).toEqual([
        ['__proto__', 1, 2],
        ['a', 1, 5],
        ['b', 3, 3],
      ])
      expect(clientsOf(store, 0)).toEqual([])
      const again = await reopened(place, store)
      // Not only those that this process wrote itself.
      await fold(
        again,
        5,
        new Map([
          ['b', undefined],
          ['never', undefined],
        ]),
      )
      expect(clientsOf(again, 1)).toEqual([
        ['__proto__', 1, 2],
        ['a', 1, 5],
      ])
      await again.close()
    })

    law('a large state grows by differences, over folds and reopenings', async (first, place) => {
      let store = first
      const [a] = addressesIn(5, 1) as [Address]
      const turns: { role: string; text: string }[] = []
      const shadow = shadowOf(undefined)
      for (let n = 1; n <= 200; n++) {
        turns.push({ role: n % 2 ? 'user' : 'assistant', text: `${n}: ${'word '.repeat(n % 40)}` })
        if (n % 50 === 0) turns.shift()
        const state = stateOf(n, { turns })
        const delta = advance(shadow, state) as Uint8Array
        const change: FoldedChange =
          n === 1
            ? { address: a, is: 'full', state: encode(state), needs: {} }
            : { address: a, is: 'deltas', deltas: [delta], needs: {} }
        await store.fold([{ partition: positionOf(5, n), changes: [change], history: [] }])
        if (n % 7 === 0) expect(store.read(a)).toEqual(decode(encode(state)))
        if (n % 60 === 0) store = await reopened(place, store)
      }
      expect(store.read(a)).toEqual(stateOf(200, { turns }))
      // A whole state replaces it, small again; then it goes.
      await store.fold([{ partition: positionOf(5, 201), changes: [full(a, 201)], history: [] }])
      expect(store.read(a)).toEqual(stateOf(201))
      await store.fold([{ partition: positionOf(5, 202), changes: [{ address: a, is: 'gone' }], history: [] }])
      expect(store.read(a)).toBeUndefined()
      expect(store.count()).toBe(0)
      if (store !== first) await store.close()
    })

    law('differences may come with the base that they differ from, and several in one fold', async (store) => {
      const [a] = addressesIn(5, 1) as [Address]
      const text = 'x'.repeat(5000)
      const shadow = shadowOf(stateOf(1, { text, list: [] }))
      const deltas = [2, 3, 4].map((n) => advance(shadow, stateOf(n, { text: `${text}${n}`, list: [n] })) as Uint8Array)
      await store.fold([{ partition: positionOf(5, 1), changes: [full(a, 9)], history: [] }])
      await store.fold([
        {
          partition: positionOf(5, 4),
          changes: [
            { address: a, is: 'deltas', base: encode(stateOf(1, { text, list: [] })), deltas, needs: { due: 4 } },
          ],
          history: [],
        },
      ])
      expect(store.read(a)).toEqual(stateOf(4, { text: `${text}4`, list: [4] }))
      expect([...store.needs(5)]).toEqual([[a, { due: 4 }]])
    })

    law('a fold that cannot be made fails alone and changes nothing', async (store) => {
      const [a, b] = addressesIn(3, 2) as [Address, Address]
      const orphan: FoldedChange = {
        address: a,
        is: 'deltas',
        deltas: [advance(shadowOf([1]), [2]) as Uint8Array],
        needs: {},
      }
      const results = await Promise.allSettled([
        store.fold([{ partition: positionOf(3, 1), changes: [full(b, 1), orphan], history: [lineOf(b, 1)] }]),
        store.fold([{ partition: positionOf(4, 1), changes: [], history: [] }]),
      ])
      expect(results.map((one) => one.status)).toEqual(['rejected', 'fulfilled'])
      expect(isFault((results[0] as PromiseRejectedResult).reason, 'store.corrupt')).toBe(true)
      expect(store.partition(3)).toBeUndefined()
      expect(store.read(b)).toBeUndefined()
      expect([...store.history(b, { limit: 9 })]).toEqual([])
      expect(store.partition(4)?.n).toBe(1)
    })

    law('a fold that stands on one that could not be made is not made either, and later ones are', async (store) => {
      const [a, b] = addressesIn(3, 2) as [Address, Address]
      const orphan: FoldedChange = {
        address: a,
        is: 'deltas',
        deltas: [advance(shadowOf([1]), [2]) as Uint8Array],
        needs: {},
      }
      const results = await Promise.allSettled([
        store.fold([{ partition: positionOf(3, 1), changes: [full(b, 1)], history: [] }]),
        store.fold([{ partition: positionOf(3, 2), changes: [orphan], history: [] }]),
        store.fold([{ partition: positionOf(4, 1), changes: [], history: [] }]),
        store.fold([{ partition: positionOf(3, 3), changes: [full(b, 3)], history: [] }]),
      ])
      expect(results.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected'])
      expect([store.partition(3)?.n, store.read(b), store.partition(4)?.n]).toEqual([1, stateOf(1), 1])
      await store.fold([{ partition: positionOf(3, 2), changes: [full(a, 2)], history: [] }])
      expect([store.partition(3)?.n, store.read(a)]).toEqual([2, stateOf(2)])
    })

    law('what is asked for in one turn is done in that order, drops and folds alike', async (store) => {
      const [a, b] = addressesIn(3, 2) as [Address, Address]
      await Promise.all([
        store.fold([{ partition: positionOf(3, 1), changes: [full(a, 1)], history: [] }]),
        store.fold([{ partition: positionOf(3, 2), changes: [full(a, 2)], history: [] }]),
        store.dropPartition(3),
        store.fold([{ partition: positionOf(3, 1), changes: [full(b, 7)], history: [] }]),
      ])
      expect([store.partition(3)?.n, store.read(a), store.read(b), store.count()]).toEqual([
        1,
        undefined,
        stateOf(7),
        1,
      ])
    })

    law('addresses come in order, by partition, by kind, and from where one left off', async (store) => {
      const orders = [0, 3, 7].flatMap((partition) => addressesIn(partition, 4))
      const others = [0, 3].flatMap((partition) => addressesIn(partition, 2, 'ord'))
      for (const address of [...orders, ...others]) {
        const partition = partitionOf(address, identity.partitions)
        await store.fold([{ partition: positionOf(partition, 1), changes: [full(address, 1)], history: [] }])
      }
      const all = [...orders, ...others].sort()
      expect([...store.addresses({})]).toEqual(all)
      expect([...store.addresses({ kind: 'order' })]).toEqual(orders.toSorted())
      expect([...store.addresses({ kind: 'ord' })]).toEqual(others.toSorted())
      expect([...store.addresses({ partition: 3 })]).toEqual(
        all.filter((one) => partitionOf(one, identity.partitions) === 3),
      )
      expect([...store.addresses({ kind: 'orders' })]).toEqual([])
      const pages: Address[] = []
      for (let after: Address | undefined; ;) {
        const page = [...store.addresses({ limit: 3, ...(after === undefined ? {} : { after }) })]
        if (page.length === 0) break
        pages.push(...page)
        after = page.at(-1)
      }
      expect(pages).toEqual(all)
      expect([...store.addresses({ kind: 'order', after: orders[2] as Address, partition: 0 })]).toEqual(
        orders.slice(3, 4),
      )
    })

    law('a walk over addresses sees what stood when it began', async (store) => {
      const known = addressesIn(0, 4)
      await store.fold([{ partition: positionOf(0, 1), changes: known.map((one) => full(one, 1)), history: [] }])
      const seen: Address[] = []
      for (const address of store.addresses({})) {
        if (seen.length === 0)
          await store.fold([
            {
              partition: positionOf(0, 2),
              changes: [{ address: known[2] as Address, is: 'gone' }, full(addressesIn(0, 9)[8] as Address, 1)],
              history: [],
            },
          ])
        seen.push(address)
      }
      expect(seen).toEqual(known)
    })

    law('needs name the actors that must not be forgotten, and only those', async (store, place) => {
      const [a, b, c, d] = addressesIn(6, 4) as [Address, Address, Address, Address]
      await store.fold([
        {
          partition: positionOf(6, 1),
          changes: [
            full(a, 1, { due: 5000.5 }),
            full(b, 1),
            full(c, 1, { effects: true, subscribed: true }),
            full(d, 1, { subscribed: true }),
          ],
          history: [],
        },
      ])
      expect([...store.needs(6)]).toEqual([
        [a, { due: 5000.5 }],
        [c, { effects: true, subscribed: true }],
        [d, { subscribed: true }],
      ])
      expect([...store.needs(5)]).toEqual([])
      await store.fold([
        {
          partition: positionOf(6, 2),
          changes: [full(a, 2), full(b, 2, { due: 1 }), { address: d, is: 'gone' }],
          history: [],
        },
      ])
      const again = await reopened(place, store)
      expect([...again.needs(6)]).toEqual([
        [b, { due: 1 }],
        [c, { effects: true, subscribed: true }],
      ])
      await again.close()
    })

    law("an actor's history is its own lines, newest first, in pages, until trimmed", async (store) => {
      const [a, b] = addressesIn(2, 2) as [Address, Address]
      for (let n = 1; n <= 20; n++) {
        const lines = n % 3 === 0 ? [lineOf(b, n)] : [lineOf(b, n), lineOf(a, n)]
        await store.fold([
          { partition: positionOf(2, n), changes: lines.map((line) => full(line.address, n)), history: lines },
        ])
      }
      const numbers = (address: Address, options: { before?: number; limit: number }) =>
        [...store.history(address, options)].map((line) => line.n)
      expect([...store.history(a, { limit: 1 })]).toEqual([lineOf(a, 20)])
      expect(numbers(a, { limit: 4 })).toEqual([20, 19, 17, 16])
      expect(numbers(a, { before: 16, limit: 4 })).toEqual([14, 13, 11, 10])
      expect(numbers(a, { before: 15, limit: 2 })).toEqual([14, 13])
      expect(numbers(a, { before: 1, limit: 2 })).toEqual([])
      expect(numbers(a, { before: 99, limit: 1 })).toEqual([20])
      expect(numbers(b, { limit: 99 })).toEqual(Array.from({ length: 20 }, (_, at) => 20 - at))
      await store.trimHistory(2, 100)
      expect(numbers(a, { limit: 99 })).toEqual([20, 19, 17, 16, 14, 13, 11])
      await store.trimHistory(2, 1000)
      expect(numbers(b, { limit: 99 })).toEqual([])
      expect(store.read(a)).toEqual(stateOf(20))
    })

    law('one fold may hold the lines of several commits; marks and decisions stay in them', async (store) => {
      const [a] = addressesIn(2, 1) as [Address]
      const decided: HistoryLine = {
        ...lineOf(a, 3),
        steps: [
          { seq: 29, type: 'GO', mark: 'deferred' },
          {
            seq: 0,
            type: 'tick',
            decision: { options: [{ target: ['b'], guard: 'tired', chosen: true }], confidence: 0.5 },
          },
        ],
      }
      await store.fold([
        { partition: positionOf(2, 3), changes: [full(a, 3)], history: [lineOf(a, 1), lineOf(a, 2), decided] },
      ])
      expect([...store.history(a, { limit: 9 })]).toEqual([decided, lineOf(a, 2), lineOf(a, 1)])
    })

    law('the history of an actor that is gone, and of its successor, can be read', async (store) => {
      const [a] = addressesIn(2, 1) as [Address]
      await store.fold([{ partition: positionOf(2, 1), changes: [full(a, 1)], history: [lineOf(a, 1)] }])
      await store.fold([
        { partition: positionOf(2, 2), changes: [{ address: a, is: 'gone' }], history: [lineOf(a, 2, 'end')] },
      ])
      expect([...store.history(a, { limit: 9 })].map((line) => line.n)).toEqual([2, 1])
      await store.fold([{ partition: positionOf(2, 3), changes: [full(a, 1)], history: [lineOf(a, 3)] }])
      expect([...store.history(a, { limit: 9 })].map((line) => line.n)).toEqual([3, 2, 1])
      await store.trimHistory(2, 20)
      expect([...store.history(a, { limit: 9 })].map((line) => line.n)).toEqual([3])
    })

    law('a base makes the same partition elsewhere, and replaces what is there', async (store, place) => {
      const mine = addressesIn(4, 30)
      const large = stateOf(7, { text: 'y'.repeat(100_000), list: [1] })
      const shadow = shadowOf(large)
      await store.fold([
        {
          partition: positionOf(4, 1),
          changes: mine.map((one, at) => full(one, at, at % 2 ? { due: at } : {})),
          history: [],
        },
      ])
      await store.fold([
        {
          partition: positionOf(4, 2),
          changes: [{ address: mine[5] as Address, is: 'full', state: encode(large), needs: { effects: true } }],
          history: [],
        },
      ])
      const next = stateOf(8, { text: 'y'.repeat(100_000), list: [1, 2] })
      await store.fold([
        {
          partition: positionOf(4, 3),
          clients: movesOf(['c', 1, 2]),
          changes: [
            {
              address: mine[5] as Address,
              is: 'deltas',
              deltas: [advance(shadow, next) as Uint8Array],
              needs: { effects: true },
            },
          ],
          history: [],
        },
      ])
      const base = await store.base(4)
      expect(base.length).toBeLessThan(20_000)
      const before = {
        position: store.partition(4),
        clients: clientsOf(store, 4),
        addresses: [...store.addresses({ partition: 4 })],
        needs: [...store.needs(4)],
      }

      await store.fold([
        {
          partition: positionOf(4, 4),
          changes: [full(addressesIn(4, 40)[39] as Address, 9), { address: mine[0] as Address, is: 'gone' }],
          history: [lineOf(mine[1] as Address, 4)],
        },
      ])
      await store.fold([
        { partition: positionOf(3, 1), changes: [full(addressesIn(3, 1)[0] as Address, 1)], history: [] },
      ])
      await store.loadBase(base)
      const again = await reopened(place, store)
      expect({
        position: again.partition(4),
        clients: clientsOf(again, 4),
        addresses: [...again.addresses({ partition: 4 })],
        needs: [...again.needs(4)],
      }).toEqual(before)
      expect(again.read(mine[5] as Address)).toEqual(next)
      expect(again.read(mine[1] as Address)).toEqual(stateOf(1))
      expect(again.count()).toBe(31)
      await again.fold([{ partition: positionOf(4, 4), changes: [full(mine[1] as Address, 2)], history: [] }])
      expect(again.read(mine[1] as Address)).toEqual(stateOf(2))
      await again.close()
    })

    law('a base that is cut short, damaged or of another realm is refused, and nothing changes', async (store) => {
      const [a] = addressesIn(4, 1) as [Address]
      await store.fold([{ partition: positionOf(4, 1), changes: [full(a, 1)], history: [] }])
      const base = await store.base(4)
      const damaged = base.slice()
      damaged[base.length - 10] = (damaged[base.length - 10] as number) ^ 4
      expect(await faultCodeOf(() => store.loadBase(base.subarray(0, base.length - 3)))).toBe('base.undecodable')
      expect(await faultCodeOf(() => store.loadBase(damaged))).toBe('base.undecodable')
      expect(await faultCodeOf(() => store.loadBase(new Uint8Array(3)))).toBe('base.undecodable')
      expect(await faultCodeOf(() => store.base(1))).toBe('store.empty')
      expect(store.read(a)).toEqual(stateOf(1))
      expect(store.partition(4)?.n).toBe(1)
    })

    law('a dropped partition is empty, and the others are not', async (store) => {
      const [a] = addressesIn(4, 1) as [Address]
      const [b] = addressesIn(5, 1) as [Address]
      await store.fold([
        {
          partition: positionOf(4, 1),
          clients: movesOf(['c', 1, 1]),
          changes: [full(a, 1, { due: 1 })],
          history: [lineOf(a, 1)],
        },
        { partition: positionOf(5, 1), changes: [full(b, 1, { due: 1 })], history: [lineOf(b, 1)] },
      ])
      await store.dropPartition(4)
      expect([store.partition(4), store.read(a), [...store.needs(4)], [...store.history(a, { limit: 1 })]]).toEqual([
        undefined,
        undefined,
        [],
        [],
      ])
      expect([
        store.partition(5)?.n,
        store.read(b),
        [...store.needs(5)].length,
        [...store.history(b, { limit: 1 })].length,
      ]).toEqual([1, stateOf(1), 1, 1])
      await store.fold([{ partition: positionOf(4, 1), changes: [], history: [] }])
      expect(clientsOf(store, 4)).toEqual([])
    })

    law('when the node was last alive is remembered', async (store, place) => {
      await store.alive.set(1234.5)
      const again = await reopened(place, store)
      expect(again.alive.get()).toBe(1234.5)
      await again.close()
    })

    law('a crash keeps exactly what was folded', async (store, place) => {
      const [a] = addressesIn(1, 1) as [Address]
      await store.fold([{ partition: positionOf(1, 1), changes: [full(a, 1)], history: [] }])
      const late = store.fold([{ partition: positionOf(1, 2), changes: [full(a, 2)], history: [] }]).then(
        () => 2,
        () => 1,
      )
      await place.crash()
      const again = await place.open(identity)
      const n = again.partition(1)?.n as number
      expect(again.read(a)).toEqual(stateOf(n))
      expect(n).toBeGreaterThanOrEqual(await late)
      await again.close()
    })

    law('a second store on the same place is refused, and so is one of another realm or log', async (store, place) => {
      expect(await faultCodeOf(() => place.open(identity))).toBe('store.locked')
      await store.close()
      expect(await faultCodeOf(() => place.open({ ...identity, realm: 'bank' }))).toBe('store.foreign')
      expect(await faultCodeOf(() => place.open({ ...identity, log: '2031-05-04T12:00:01Z' }))).toBe('store.foreign')
      await (await place.open(identity)).close()
    })

    law('a closed store says so', async (store) => {
      await store.fold([
        { partition: positionOf(1, 1), changes: addressesIn(1, 3).map((one) => full(one, 1, { due: 1 })), history: [] },
      ])
      const walk = store.addresses({})[Symbol.iterator]()
      walk.next()
      await store.close()
      await store.close()
      expect(await faultCodeOf(() => store.fold([{ partition: positionOf(1, 2), changes: [], history: [] }]))).toBe(
        'store.closed',
      )
      for (const read of [
        () => store.read('order/1'),
        () => store.partition(1),
        () => [...store.needs(1)],
        () => [...store.history('order/1', { limit: 1 })],
        () => walk.next(),
        () => store.count(),
        () => store.size(),
        () => store.base(1),
        () => store.trimHistory(1, 1),
        () => store.alive.get(),
      ])
        expect(await faultCodeOf(read)).toBe('store.closed')
    })
  })
}
