import fs from 'node:fs'
import { openStateWriter } from '#protocol/delta.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
const dir = '/tmp/lab-store/perf3'
for (const rep of [1, 2]) for (const size of [100, 500, 2000]) {
fs.rmSync(dir, { recursive: true, force: true })
const store = await openLmdbStore({ dir, identity: { realm: 'shop', generation: 0, partitions: 16, log: 'x' }, mapBytes: 2 ** 30 })
const writer = openStateWriter(); const turns: any[] = []; let text = 0
const b = store.size().bytes, f = fs.statSync(dir + '/data.mdb').size
const series = []
for (let n = 1; n <= 1000; n++) {
  let w = ''; while (w.length < size) w += Math.random().toString(36).slice(2)
  text += w.length; turns.push({ role: n % 2 ? 'user' : 'assistant', text: w })
  const x = writer.write([1, 1, 'hash', 0, 'talking', { turns, model: 'm' }, 3, n, 1e12, 1e12 + n]) as any
  await store.fold([{ partition: { partition: 1, epoch: 1, n, seq: n, cursor: n, heard: 0, awayMs: 0, openedAt: 0, at: n, marks: {}, clients: {} }, changes: [x.is === 'full' ? { address: 'order/k1', is: 'full', state: x.bytes, needs: {} } : { address: 'order/k1', is: 'deltas', deltas: [x.bytes], needs: {} }] as any, history: [] }])
  if (n % 200 === 0) series.push([n, text, store.size().bytes - b, fs.statSync(dir + '/data.mdb').size - f, fs.statSync(dir + '/data.mdb').blocks * 512])
}
console.log(size, JSON.stringify(series), 'start', b, f)
await store.close()
}
