import fs from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { encode } from '#protocol/codec.ts'
import { openStateWriter } from '#protocol/delta.ts'
import { partitionOf } from '#protocol/partition.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
const dir = '/tmp/lab-store/perf'
fs.rmSync(dir, { recursive: true, force: true })
const identity = { realm: 'shop', generation: 0, partitions: 16, log: 'x' }
const open = () => openLmdbStore({ dir, identity, mapBytes: 8 * 2 ** 30 })
let store = await open()
const what = process.argv[2]
const pos = (partition: number, n: number, clients = {}) => ({ partition, epoch: 1, n, seq: n, cursor: n, heard: 0, awayMs: 0, openedAt: 0, at: n, marks: {}, clients })
const state = (steps: number) => [1, 1, 'abcdef0123456789', 0, 'idle', { count: steps, name: 'abc' }, 3, steps, 1700000000000, 1700000000000 + steps]
if (what === 'counters') {
  // 1000 counters, W1-like: folds of 16 partitions each ~20ms gather
  const addresses = Array.from({ length: 1000 }, (_, i) => `counter/k${i}` as const).map((a) => [a, partitionOf(a, 16)] as const)
  const rounds = 100
  const t0 = performance.now(); const c0 = process.cpuUsage()
  let sync = 0
  for (let r = 1; r <= rounds; r++) {
    const folds = Array.from({ length: 16 }, (_, p) => { const mine = addresses.filter((x) => x[1] === p).map((x) => x[0]); return { partition: pos(p, r), changes: mine.map((address) => ({ address, is: 'full' as const, state: encode(state(r)), needs: {} })), history: mine.map((address) => ({ address, n: r, seq: r, at: r, steps: [{ seq: r, type: 'ADD' }] })) } })
    await store.fold(folds)
  }
  const ms = performance.now() - t0; const cpu = process.cpuUsage(c0)
  console.log('counters changes/s', Math.round(rounds * 1000 / ms * 1000), 'cpu us/change', (cpu.user + cpu.system) / (rounds * 1000), store.size(), fs.statSync(dir + '/data.mdb').size)
  const t1 = performance.now(); let k = 0
  for (let i = 0; i < 100; i++) for (const [a] of addresses) { store.read(a); k++ }
  console.log('read us', (performance.now() - t1) / k * 1000)
  const t2 = performance.now(); for (let i = 0; i < 100; i++) [...store.history(addresses[i]![0], { limit: 20 })]; console.log('history 20 lines us', (performance.now() - t2) * 10)
}
if (what === 'idle') {
  const N = 100000
  const byPart: Record<number, string[]> = {}
  for (let i = 0; i < N; i++) { const a = `order/k${i}` as const; (byPart[partitionOf(a, 16)] ??= []).push(a) }
  let t = performance.now()
  for (let p = 0; p < 16; p++) for (let at = 0; at < byPart[p]!.length; at += 1000) await store.fold([{ partition: pos(p, at + 1), changes: byPart[p]!.slice(at, at + 1000).map((address, i) => ({ address: address as any, is: 'full' as const, state: encode(state(i)), needs: { due: i } })), history: [] }])
  console.log('100k folded ms', performance.now() - t, store.size())
  await store.close(); t = performance.now(); store = await open(); console.log('open ms', performance.now() - t)
  t = performance.now(); let n = 0; for (let p = 0; p < 16; p++) for (const _ of store.needs(p)) n++; console.log('needs', n, performance.now() - t, 'ms')
  t = performance.now(); console.log('count', store.count(), performance.now() - t)
  t = performance.now(); n = 0; for (const _ of store.addresses({})) n++; console.log('addresses', n, performance.now() - t)
  t = performance.now(); n = 0; for (const _ of store.addresses({ limit: 100 })) n++; console.log('addresses 100', n, performance.now() - t)
  const h = monitorEventLoopDelay({ resolution: 1 }); h.enable()
  t = performance.now(); const base = await store.base(3); console.log('base', base.length, performance.now() - t, 'loop max ms', h.max / 1e6); h.reset()
  t = performance.now(); await store.loadBase(base); console.log('loadBase', performance.now() - t, 'loop max ms', h.max / 1e6); h.reset()
  t = performance.now(); await store.dropPartition(3); console.log('drop', performance.now() - t, 'loop max', h.max / 1e6)
  console.log('rss', process.memoryUsage().rss / 1e6)
}
if (what === 'conversation') {
  for (const size of [100, 500, 2000]) {
    const address = `agent/a${size}` as const; const p = partitionOf(address, 16)
    const before = store.size().bytes, file0 = fs.statSync(dir + '/data.mdb').size
    const turns: any[] = []; let raw = 0, deltaBytes = 0, fulls = 0, walk = 0, foldMs = 0, worst = 0
    const writer = openStateWriter()
    for (let n = 1; n <= 1000; n++) {
      let text = ''; while (text.length < size) text += Math.random().toString(36).slice(2)
      text = text.slice(0, size); raw += size
      turns.push({ role: n % 2 ? 'user' : 'assistant', content: text })
      const arr = [1, 1, 'abcdef0123456789', 0, 'idle', { turns, model: 'x' }, 3, n, 1700000000000, 1700000000000 + n]
      const t0 = performance.now(); const w = writer.write(arr); walk += performance.now() - t0
      if (w.is === 'full') fulls++; else if (w.is === 'delta') deltaBytes += w.bytes.length
      const t1 = performance.now()
      await store.fold([{ partition: pos(p, n), changes: [w.is === 'full' ? { address, is: 'full', state: w.bytes, needs: {} } : { address, is: 'deltas', deltas: [(w as any).bytes], needs: {} }], history: [] }])
      foldMs += performance.now() - t1; worst = Math.max(worst, performance.now() - t1)
    }
    const t2 = performance.now(); store.read(address); const rd = performance.now() - t2
    console.log(size, 'raw', raw, 'used', store.size().bytes - before, 'ratio', (store.size().bytes - before) / raw, 'file growth ratio', (fs.statSync(dir + '/data.mdb').size - file0) / raw, 'delta/turn', deltaBytes / (1000 - fulls), 'fulls', fulls, 'walk us', walk, 'fold ms avg', foldMs / 1000, 'worst', worst, 'read ms', rd)
  }
}
await store.close()
