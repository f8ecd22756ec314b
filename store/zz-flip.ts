import fs from 'node:fs'
import { spawnSync } from 'node:child_process'
import { encode } from '#protocol/codec.ts'
import { partitionOf } from '#protocol/partition.ts'
import { openLmdbStore } from '#store/lmdb-store.ts'
import { isFault } from '#protocol/fault.ts'
const identity = { realm: 'shop', generation: 0, partitions: 4, log: 'x' }
const pos = (partition: number, n: number) => ({ partition, epoch: 1, n, seq: n, cursor: n, heard: 0, awayMs: 0, openedAt: 0, at: n, marks: {}, clients: { a: [1, 2] as const } })
const state = (i: number) => [1, 1, 'h', 0, 'idle', { i, text: 'abc'.repeat(i % 7 === 0 ? 5000 : i) }, 3, i, 17, 18]
const addresses = Array.from({ length: 300 }, (_, i) => `order/k${i}` as const)
if (process.argv[2] === 'child') {
  const dir = process.argv[3]!
  const out = { fault: '', wrong: 0, missing: 0, got: 0 }
  try {
    const store = await openLmdbStore({ dir, identity, mapBytes: 1 << 28 }); await new Promise(r => setTimeout(r, 50))
    console.log('opened'); for (const p of [0,1,2,3]) { if (store.partition(p)?.n !== 1) out.missing++; for (const _ of store.needs(p)) out.got++ ; }
    let seen = 0; for (const _ of store.addresses({})) seen++; if (seen !== 300) out.missing++
    addresses.forEach((a, i) => { const v = store.read(a); if (v === undefined) out.missing++; else if (JSON.stringify(v) !== JSON.stringify(state(i))) out.wrong++ })
    console.log('read'); await store.fold([{ partition: pos(0, 2), changes: [], history: [] }])
    await store.close()
  } catch (e) { out.fault = isFault(e) ? e.code : 'OTHER ' + (e as Error).stack }
  console.log(JSON.stringify(out)); process.exit(0)
}
const base = '/tmp/lab-store/flipbase'
fs.rmSync(base, { recursive: true, force: true })
const store = await openLmdbStore({ dir: base, identity, mapBytes: 1 << 28 })
for (const p of [0,1,2,3]) await store.fold([{ partition: pos(p, 1), changes: addresses.map((a, i) => [a, i] as const).filter(([a]) => partitionOf(a, 4) === p).map(([address, i]) => ({ address, is: 'full' as const, state: encode(state(i)), needs: { due: i } })), history: addresses.filter(a => partitionOf(a, 4) === p).map(address => ({ address, n: 1, seq: 1, at: 1, steps: [{ seq: 1, type: 'X' }] })) }])
await store.close()
const size = fs.statSync(base + '/data.mdb').size
console.log('size', size)
const tally: Record<string, number> = {}
const mode = process.argv[2]
for (let r = 0; r < Number(process.argv[3] ?? 40); r++) {
  const dir = '/tmp/lab-store/flip'; fs.rmSync(dir, { recursive: true, force: true }); fs.cpSync(base, dir, { recursive: true })
  const buf = fs.readFileSync(dir + '/data.mdb')
  let at = 0
  if (mode === 'flip') { at = Math.floor(Math.random() * buf.length); buf[at]! ^= 1 << Math.floor(Math.random() * 8) }
  else if (mode === 'head') { const page = Math.floor(Math.random() * (size / 8192 - 2)) + 2; at = page * 8192 + Math.floor(Math.random() * 200); buf[at]! ^= 1 << Math.floor(Math.random() * 8) }
  else if (mode === 'meta') { at = Math.floor(Math.random() * 2) * 8192 + Math.floor(Math.random() * 176); buf[at]! ^= 1 << Math.floor(Math.random() * 8) }
  else if (mode === 'garbage') { at = Math.floor(Math.random() * buf.length); for (let i = at; i < Math.min(buf.length, at + 8192); i++) buf[i] = Math.floor(Math.random() * 256) }
  let out = mode === 'cut' ? buf.subarray(0, at = Math.floor(Math.random() * buf.length)) : buf
  fs.writeFileSync(dir + '/data.mdb', out)
  const res = spawnSync(process.execPath, [process.argv[1]!, 'child', dir], { timeout: 20000 })
  let key: string
  if (res.signal) key = 'KILLED ' + res.signal + ' ' + res.stdout.toString().replace(/\n/g,' ') + res.stderr.toString().split('\n').filter(l=>/ssert/.test(l)).join()
  else { const line = res.stdout.toString().trim().split('\n').at(-1)!; try { const o = JSON.parse(line); key = o.fault || (o.wrong ? 'WRONG' : o.missing ? 'MISSING' : o.got !== 299 + 1 ? 'NEEDS ' + o.got : 'ok') } catch { key = 'EXIT ' + res.status + line + res.stderr.toString().slice(0, 300) } }
  if (!['ok', 'store.corrupt'].includes(key)) console.log('  ', key, 'at', at, 'page', Math.floor(at / 8192), 'off', at % 8192)
  tally[key] = (tally[key] ?? 0) + 1
}
console.log(mode, tally)
