import { runWorld } from '#test/support/sim/world.ts'
import { bank } from '#test/support/sim/workloads/bank.ts'
import { lists } from '#test/support/sim/workloads/lists.ts'
import { effects } from '#test/support/sim/workloads/effects.ts'
import { timers } from '#test/support/sim/workloads/timers.ts'
import { children } from '#test/support/sim/workloads/children.ts'
import { asks } from '#test/support/sim/workloads/asks.ts'
const [from, to, verbose] = process.argv.slice(2).map(Number)
const makers = { bank, lists, effects, timers, children, asks }
const only = process.argv[5]?.split(',') ?? Object.keys(makers)
let failed = 0
for (let seed = from!; seed <= to!; seed++) {
  const t = performance.now()
  const out = await runWorld({ seed, workloads: () => only.map((name) => makers[name as keyof typeof makers](40)) })
  const { audit } = out
  const line = `seed ${seed} ${Math.round(performance.now() - t)} ms entries ${out.entries.length} records ${audit.records} copies ${audit.copies} claims ${audit.claims} dup ${audit.duplicates} faults ${out.faults.length}`
  if (verbose || out.faults.length) console.log(line)
  if (out.faults.length) { failed++; console.log(out.faults.slice(0, 8).join('\n')); if (verbose) console.log(out.story.join('\n')) }
}
console.log('failed', failed)
