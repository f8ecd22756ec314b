import { runWorld } from '#test/support/sim/world.ts'
import { everything } from '#test/support/sim/everything.ts'
import { plants } from '#test/support/sim/mutations.ts'
for (const [name, mutation] of Object.entries(plants)) {
  const t = performance.now()
  let found = 'NOT FOUND'
  for (let seed = 1; seed <= 60; seed++) {
    const out = await runWorld({ seed, workloads: () => everything(40), mutation })
    if (out.faults.length > 0) { found = `seed ${seed}: ${out.faults.length} ${out.faults[0]} || ${out.faults.at(-1)}`; break }
  }
  console.log(Math.round(performance.now() - t), 'ms', name, '=>', found.slice(0, 260))
}
