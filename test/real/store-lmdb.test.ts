import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encode } from '#protocol/codec.ts'
import { openStateWriter } from '#protocol/delta.ts'
import type { FaultCode } from '#protocol/fault.ts'
import { partitionOf } from '#protocol/partition.ts'
import { openLmdbStore, removeStore } from '#store/lmdb-store.ts'
import { sealed } from '#store/sealed.ts'
import type { Store } from '#store/store.ts'
import { openTables } from '#store/tables.ts'
import { addressesIn, full, identity, positionOf, stateOf } from '#test/support/store-samples.ts'

const mapBytes = 2 ** 28
const folder = new URL('../support/store-folder.ts', import.meta.url).pathname

function law(title: string, body: (dir: string, open: () => Promise<Store>) => Promise<void>): void {
  test(title, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'perdure-lmdb-'))
    try {
      await body(dir, () => openLmdbStore({ dir, identity, mapBytes }))
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })
}

const refused = (work: Promise<unknown> | (() => unknown), code: FaultCode) =>
  typeof work === 'function'
    ? expect(work).toThrow(expect.objectContaining({ code }))
    : expect(work).rejects.toMatchObject({ code })

const [order] = addressesIn(1, 1) as ['order/1']

describe('whose directory it is', () => {
  law(
    'a directory that another live process folds into is refused with its pid; when that process dies it is free',
    async (dir, open) => {
      const child = spawn(process.execPath, [folder, 'fold', dir], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = once(child, 'exit')
      await once(child.stdout, 'data')
      await expect(open()).rejects.toMatchObject({ code: 'store.locked', details: { value: dir, pid: child.pid } })
      child.kill('SIGKILL')
      await exited
      const store = await open()
      expect(store.count()).toBeGreaterThan(0)
      await store.close()
    },
  )

  law('a lock left by a process whose number somebody else has now is taken over', async (dir, open) => {
    await (await open()).close()
    writeFileSync(
      join(dir, 'owner.lock'),
      JSON.stringify({ pid: process.ppid, startedAt: 'another time', boot: '', nonce: 'n' }),
    )
    await (await open()).close()
    writeFileSync(join(dir, 'owner.lock'), 'not a lock at all')
    await (await open()).close()
    expect(existsSync(join(dir, 'owner.lock'))).toBe(false)
  })

  law('a store of a newer format is refused, and stays', async (dir, open) => {
    await (await open()).close()
    const tables = await openTables({ dir, mapBytes })
    const key = Buffer.from('identity')
    await tables.write([{ table: tables.meta, key, value: sealed(key, encode([99, 'shop', 0, 8, 'x'])) }])
    await tables.close()
    await refused(open(), 'store.format')
    await refused(open(), 'store.format')
  })

  law('a directory that cannot be one says why', async (dir) => {
    writeFileSync(join(dir, 'file'), '')
    await refused(openLmdbStore({ dir: join(dir, 'file'), identity, mapBytes }), 'store.unusable')
  })
})

describe('damage', () => {
  const damages: [string, (file: string) => void][] = [
    ['a file of something else', (file) => writeFileSync(file, 'this is not a database\n'.repeat(1000))],
    ['a file that was cut', (file) => truncateSync(file, Math.floor(statSync(file).size / 2))],
    ['a file of zeros', (file) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
  ]
  for (const [what, damage] of damages) {
    law(`${what} is said to be corrupt; removed, the store begins again`, async (dir, open) => {
      const store = await open()
      const many = addressesIn(1, 500)
      await store.fold([{ partition: positionOf(1, 1), changes: many.map((one) => full(one, 1)), history: [] }])
      await store.close()
      damage(join(dir, 'data.mdb'))
      await refused(open(), 'store.corrupt')
      removeStore(dir)
      const again = await open()
      expect(again.count()).toBe(0)
      await again.fold([{ partition: positionOf(1, 1), changes: [full(order, 3)], history: [] }])
      expect(again.read(order)).toEqual(stateOf(3))
      await again.close()
    })
  }

  const texts: [string, unknown][] = [
    ['a small state', { text: 'find me here' }],
    ['a large state', { text: 'find me here', more: 'x'.repeat(100_000) }],
  ]
  for (const [what, context] of texts) {
    law(`one flipped bit in ${what} is noticed, never read as another state`, async (dir, open) => {
      const store = await open()
      await store.fold([
        {
          partition: positionOf(1, 1),
          changes: [{ address: order, is: 'full', state: encode(stateOf(1, context)), needs: {} }],
          history: [],
        },
      ])
      await store.close()
      const file = join(dir, 'data.mdb')
      const bytes = readFileSync(file)
      for (let at = bytes.indexOf('find me here'); at >= 0; at = bytes.indexOf('find me here', at + 1))
        bytes[at] = (bytes[at] as number) ^ 1
      writeFileSync(file, bytes)
      const again = await open()
      await refused(() => again.read(order), 'store.corrupt')
      await again.close()
    })
  }

  law('an actor whose key was damaged does not begin again as a new one', async (dir, open) => {
    const store = await open()
    await store.fold([{ partition: positionOf(1, 1), changes: [full(order, 1)], history: [] }])
    await store.close()
    const file = join(dir, 'data.mdb')
    const bytes = readFileSync(file)
    for (let at = bytes.indexOf(order); at >= 0; at = bytes.indexOf(order, at + 1)) bytes[at + order.length - 1] = 0x7a
    writeFileSync(file, bytes)
    const again = await open()
    // The look at all rows goes on in slices; this store has one.
    await new Promise((resolve) => setImmediate(resolve))
    await refused(() => again.read(order), 'store.corrupt')
    await refused(again.fold([]), 'store.corrupt')
    await again.close()
  })

  law('a table whose name was damaged is not taken for an empty one', async (dir, open) => {
    const store = await open()
    await store.fold([{ partition: positionOf(1, 1), changes: [full(order, 1)], history: [] }])
    await store.close()
    const file = join(dir, 'data.mdb')
    const bytes = readFileSync(file)
    for (let at = bytes.indexOf('actors'); at >= 0; at = bytes.indexOf('actors', at + 1)) bytes[at + 5] = 0x74
    writeFileSync(file, bytes)
    await refused(open(), 'store.corrupt')
    removeStore(dir)
    await (await open()).close()
  })

  law('not even before all rows were looked at', async (dir, open) => {
    const store = await open()
    const many = addressesIn(1, 3000)
    const last = many.at(-1) as (typeof many)[number]
    await store.fold([{ partition: positionOf(1, 1), changes: many.map((one) => full(one, 1)), history: [] }])
    await store.close()
    const file = join(dir, 'data.mdb')
    const bytes = readFileSync(file)
    for (let at = bytes.indexOf(last); at >= 0; at = bytes.indexOf(last, at + 1)) bytes[at + last.length - 1] = 0x7a
    writeFileSync(file, bytes)
    const again = await open()
    await refused(() => again.read(last), 'store.corrupt')
    expect(again.read(many[0] as typeof last)).toEqual(stateOf(1))
    await again.close()
  })

  law(
    'a store that ended the process each time it was opened counts as corrupt; one that was merely refused does not',
    async (dir, open) => {
      await (await open()).close()
      writeFileSync(join(dir, 'opening'), '3')
      await refused(open(), 'store.corrupt')
      for (let times = 0; times < 5; times++)
        await refused(openLmdbStore({ dir, identity: { ...identity, realm: 'bank' }, mapBytes }), 'store.foreign')
      const store = await open()
      await store.close()
      expect(existsSync(join(dir, 'opening'))).toBe(false)
    },
  )

  law('a partition that a crash caught half filled has no position and no actors', async (dir, open) => {
    const store = await open()
    await store.fold([{ partition: positionOf(1, 1), changes: [full(order, 1)], history: [] }])
    await store.close()
    const tables = await openTables({ dir, mapBytes })
    await tables.write([{ table: tables.meta, key: Buffer.from([0x75, 0, 1]), value: Buffer.from([1]) }])
    await tables.close()
    const again = await open()
    expect([again.partition(1), again.read(order), again.count()]).toEqual([undefined, undefined, 0])
    await again.close()
  })
})

describe('size', () => {
  law('a store that is full says so, changes nothing, and has room again when something goes', async (dir) => {
    const limit = 1024 * 1024
    const store = await openLmdbStore({ dir, identity, mapBytes: limit })
    const many = addressesIn(1, 60)
    const big = encode(stateOf(1, { text: 'x'.repeat(30_000) }))
    let n = 0
    const fill = async () => {
      for (const address of many)
        await store.fold([
          { partition: positionOf(1, ++n), changes: [{ address, is: 'full', state: big, needs: {} }], history: [] },
        ])
    }
    await expect(fill()).rejects.toMatchObject({ code: 'store.full', details: { value: dir, limit } })
    const count = store.count()
    expect(store.partition(1)?.n).toBe(count)
    expect(store.size().bytes).toBeLessThanOrEqual(limit)
    expect(store.size().bytes).toBeGreaterThan(limit * 0.8)
    await store.fold([
      {
        partition: positionOf(1, n),
        changes: many.slice(0, 5).map((address) => ({ address, is: 'gone' as const })),
        history: [],
      },
    ])
    await store.fold([
      {
        partition: positionOf(1, n + 1),
        changes: [{ address: many[0] as 'order/1', is: 'full', state: big, needs: {} }],
        history: [],
      },
    ])
    expect(store.count()).toBe(count - 4)
    expect(statSync(join(dir, 'data.mdb')).size).toBeLessThan(limit * 1.5)
    await store.close()
  })

  law('a conversation of 1,000 turns costs at most 1.3 times its text, in pages and in the file', async (dir, open) => {
    const store = await open()
    const before = { used: store.size().bytes, file: statSync(join(dir, 'data.mdb')).size }
    const writer = openStateWriter()
    const turns: { role: string; text: string }[] = []
    let text = 0
    let random = 7
    for (let n = 1; n <= 1000; n++) {
      let words = ''
      while (words.length < 300 + (n % 400)) words += (random = (random * 48271) % 2147483647).toString(36)
      text += words.length
      turns.push({ role: n % 2 === 1 ? 'user' : 'assistant', text: words })
      const written = writer.write([1, 1, 'hash', 0, 'talking', { turns, model: 'm' }, 3, n, 1e12, 1e12 + n])
      if (written.is === 'same') throw new Error('a turn must show')
      const change =
        written.is === 'full'
          ? ({ address: order, is: 'full', state: written.bytes, needs: {} } as const)
          : ({ address: order, is: 'deltas', deltas: [written.bytes], needs: {} } as const)
      await store.fold([{ partition: positionOf(1, n), changes: [change], history: [] }])
    }
    expect((store.read(order) as unknown[])[5]).toEqual({ turns, model: 'm' })
    expect((store.size().bytes - before.used) / text).toBeLessThan(1.3)
    // A file of LMDB also holds a few dozen free pages, however much or little is in it.
    expect(statSync(join(dir, 'data.mdb')).size - before.file).toBeLessThan(1.3 * text + 256 * 1024)
    await store.close()
  })

  law(
    '20,000 idle actors: each is counted, listed and named with its needs; a base of them is made while others run',
    async (_dir, open) => {
      const store = await open()
      const all = Array.from({ length: 20_000 }, (_, at) => `order/k${at}` as const)
      const parts = Array.from({ length: identity.partitions }, (_, partition) =>
        all.filter((one) => partitionOf(one, identity.partitions) === partition),
      )
      await Promise.all(
        parts.map((mine, partition) =>
          store.fold([
            {
              partition: positionOf(partition, 1),
              changes: mine.map((one, at) => full(one, at, { due: at })),
              history: [],
            },
          ]),
        ),
      )
      expect(store.count()).toBe(20_000)
      expect(parts.map((_, partition) => [...store.needs(partition)].length)).toEqual(parts.map((mine) => mine.length))
      expect([...store.addresses({})]).toEqual(all.toSorted())
      let ticks = 0
      let isDone = false
      const tick = () => {
        ticks++
        if (!isDone) setImmediate(tick)
      }
      setImmediate(tick)
      const base = await store.base(0)
      await store.loadBase(base)
      isDone = true
      expect(ticks).toBeGreaterThan(10)
      expect(store.count()).toBe(20_000)
      await store.close()
    },
  )
})
