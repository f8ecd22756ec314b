/** Segments sealed in a thread of their own: what comes back, and what is told when the thread ends. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bundleOf } from '#protocol/bundle.ts'
import { openLmdbArchive } from '#store/lmdb-archive.ts'
import { hashOf, sealerOf } from '#store/seal.ts'
import { sealingThreadOf, type SealingThreadOptions } from '#store/sealing-thread.ts'
import { openTempDir } from '#test/support/temp-dir.ts'

const secret = randomBytes(32)
const value = '/archive'
const large = 256 * 1024

function open(program?: URL, more: Pick<SealingThreadOptions, 'now'> = {}): ReturnType<typeof sealingThreadOf> {
  const thread = sealingThreadOf({ value, secret, ...more, ...(program === undefined ? {} : { program }) })
  onTestFinished(() => thread.close())
  return thread
}

/** Of its own memory, as every bundle. */
function plainOf(bytes: number, fill: number): Buffer {
  return Buffer.allocUnsafeSlow(bytes).fill(fill)
}

describe('a thread that seals', () => {
  it('gives back what whoever has the key opens', async () => {
    const thread = open()
    const sealed = await Promise.all(
      [1000, large, 300, large, 2 * 1024 * 1024, large].map((bytes, fill) => thread.seal(plainOf(bytes, fill))),
    )
    const opened = await Promise.all(sealed.map(({ bytes, id }) => sealerOf(secret).open(bytes, id)))
    expect(opened.map((bytes) => [bytes.length, bytes[0], new Set(bytes).size])).toEqual([
      [1000, 0, 1],
      [large, 1, 1],
      [300, 2, 1],
      [large, 3, 1],
      [2 * 1024 * 1024, 4, 1],
      [large, 5, 1],
    ])
    for (const { bytes, id } of sealed) expect(id).toBe(hashOf(bytes))
  })

  it('takes what it seals, and nothing of it is left', async () => {
    const plain = plainOf(large, 7)
    await open().seal(plain)
    expect(plain.length).toBe(0)
  })

  it('is told of when it ends, and the next seal starts another', async () => {
    const dying = open(new URL('../support/dying-thread.ts', import.meta.url))
    for (let round = 0; round < 2; round++) {
      const asked = [dying.seal(plainOf(large, 1)), dying.seal(plainOf(large, 2))]
      for (const one of await Promise.allSettled(asked))
        expect(one).toMatchObject({
          status: 'rejected',
          reason: { code: 'archive.thread', message: expect.stringContaining('/archive ended: out of memory') },
        })
    }
  })

  it('is done without where none can be started', async () => {
    const warnings: string[] = []
    const onWarning = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    const none = open(new URL('../support/no-thread.ts', import.meta.url))
    const { bytes, id } = await none.seal(plainOf(large, 3))
    expect(await sealerOf(secret).open(bytes, id)).toHaveLength(large)
    await none.seal(plainOf(large, 3))
    expect(warnings).toEqual([expect.stringContaining('no other can be started')])
  })

  it('is done without while others leave it no time', async () => {
    let now = 0
    const starved = open(new URL('../support/starved-thread.ts', import.meta.url), { now: () => now })
    await starved.seal(plainOf(large, 1))
    const waits = Promise.allSettled([starved.seal(plainOf(large, 2))])
    await new Promise(setImmediate)
    now = 501
    const { bytes, id } = await starved.seal(plainOf(large, 3))
    expect((await sealerOf(secret).open(bytes, id))[0]).toBe(3)
    await starved.close()
    expect(await waits).toMatchObject([{ reason: { code: 'store.closed' } }])
  })

  it('ends when it is closed, and whoever waits for it hears so', async () => {
    const thread = open()
    const waiting = Promise.allSettled([thread.seal(plainOf(large, 1)), thread.seal(plainOf(large, 2))])
    await thread.close()
    for (const one of await waiting) expect(one).toMatchObject({ reason: { code: 'store.closed' } })
  })
})

describe('an archive on disk', () => {
  it('gives the rows back that were sealed aside, under the name and the length that it said', async () => {
    await using dir = await openTempDir()
    const rows = Array.from({ length: 3000 }, (_, at) => [`order/${at}`, randomBytes(100)])
    const options = { dir: dir.path, mapBytes: 2 ** 26, secret }
    const refs = []
    {
      await using archive = openLmdbArchive(options)
      for (let nth = 0; nth < 3; nth++) {
        const { ref, bytes, keep, letGo } = await archive.pack(bundleOf(rows, { first: 'order/0', last: 'order/999' }))
        expect(ref).toMatchObject({ id: hashOf(bytes), bytes: bytes.length, rows: rows.length })
        await keep()
        letGo()
        refs.push(ref)
      }
    }
    await using archive = openLmdbArchive(options)
    for (const ref of refs) expect(await archive.rows(ref)).toEqual(rows)
  })
})
