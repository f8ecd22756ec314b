import fs from 'node:fs'
import { encode, decode } from '#protocol/codec.ts'
import { applyAll, openStateWriter, diff, shadowOf, advance } from '#protocol/delta.ts'
for (const kb of [200, 2000]) {
const turns: any[] = []
for (let i = 0; i < 1000; i++) { let t=''; while (t.length < kb) t += Math.random().toString(36).slice(2); turns.push({ role: 'user', content: t.slice(0,kb) }) }
const arr = [1,1,'h',0,'idle',{turns},3,1,1700000000000,1700000000001]
const time = (name: string, f: () => unknown) => { const xs=[]; for (let i=0;i<7;i++){ const t=performance.now(); f(); xs.push(performance.now()-t) } console.log(kb, name, xs.map(x=>x.toFixed(2)).join(' ')) }
const bytes = encode(arr)
time('encode', () => encode(arr)); time('decode', () => decode(bytes)); time('shadow', () => shadowOf(arr))
const sh = shadowOf(arr)
time('diff same', () => diff(sh, arr))
let n=0
time('advance append', () => { turns.push({role:'user', content:'x'+n++}); return advance(sh, arr) })
time('window', () => { turns.shift(); turns.push({role:'user', content:'x'+n++}); return advance(sh, arr) })
time('allchanged', () => { for (const t of turns) t.n = n; n++; return advance(sh, arr) })
time('shuffled', () => { turns.reverse(); return advance(sh, arr) })
}
