/** `npm run simulate -- [single|several|cuts …] [--from 1] [--count 1000] [--story]`: worlds of seeds one after the other; says which of them fail. */
import { parseArgs } from 'node:util'
import { isSeedWorld, type SeedWorld, seedWorlds } from './seeds.ts'
import { runWorld } from './world.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    /** What happened in a world that fails, too. */
    story: { type: 'boolean', default: false },
  },
})

const faultsMost = 12
const sayEveryMs = 30_000

function numberOf(name: 'from' | 'count'): number {
  const value = Number(values[name])
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`--${name} ${values[name]} is no whole number.`)
}

function chosen(): readonly SeedWorld[] {
  const unknown = positionals.find((name) => !isSeedWorld(name))
  if (unknown !== undefined)
    throw new Error(`There is no world "${unknown}"; there are ${Object.keys(seedWorlds).join(', ')}.`)
  const asked = positionals.filter(isSeedWorld)
  return asked.length > 0 ? asked : Object.keys(seedWorlds).filter(isSeedWorld)
}

/** What nobody caught while a world ran is a fault of that world. */
const uncaught: string[] = []
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error: unknown) => uncaught.push(`nobody caught ${String((error as Error).stack ?? error)}`))

/** Whether all of it held. */
async function holds(name: SeedWorld, seed: number): Promise<boolean> {
  const { faults: found, story } = await runWorld(seedWorlds[name](seed))
  const faults = [...found, ...uncaught.splice(0)]
  if (faults.length === 0) return true
  console.log(`${name} ${seed}: BROKEN, ${faults.length} faults`)
  if (values.story) for (const line of story) console.log(`| ${line}`)
  for (const fault of faults.slice(0, faultsMost)) console.log(`  broken: ${fault.slice(0, 600)}`)
  console.log(`  again: npm run simulate -- ${name} --from ${seed} --count 1 --story`)
  return false
}

const [from, count] = [numberOf('from'), numberOf('count')]
let failed = 0
for (const name of chosen()) {
  let saidAt = performance.now()
  for (let seed = from; seed < from + count; seed++) {
    if (!(await holds(name, seed))) failed++
    if (performance.now() - saidAt < sayEveryMs) continue
    saidAt = performance.now()
    console.error(`${name}: ${seed - from + 1} of ${count}, ${failed} broken`)
  }
  console.log(`${name}: seeds ${from} to ${from + count - 1} are through`)
}
console.log(`${failed} broken`)
process.exit(failed === 0 ? 0 : 1)
