import { readFileSync } from 'node:fs'
import { test } from 'vitest'
import { onTrace } from '#runtime/trace.ts'
import { machineOf } from '#test/support/machines/random.ts'
import { openEngine, openLive, trailOf } from '#test/support/three-ways.ts'
test('x', { timeout: 10000 }, async () => {
  const { tree, all } = JSON.parse(readFileSync('/tmp/bad.json', 'utf8'))
  onTrace((t) => console.log(JSON.stringify(t).slice(0, 200)))
  for (const w of [openLive, (a: any, b: any) => openEngine(a, b, false), (a: any, b: any) => openEngine(a, b, true)]) {
    const t = await trailOf({ machine: machineOf(tree), steps: all }, w)
    console.log('done', JSON.stringify(t.seen.map((s) => [s?.status, s?.value])))
  }
})
