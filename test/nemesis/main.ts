/** `npm run nemesis -- [plan …] [--seed n] [--minutes 30] [--rate 500] [--json]`: fresh seeds until the time is over. */
import { parseArgs } from 'node:util'
import { setup } from '#test/support/nats-setup.ts'
import { whyNoHosts } from './hosts.ts'
import { isPlan, type Plan, type PlanName, plans } from './plans.ts'
import { broken, type Outcome, type RunOptions, runPlan } from './run.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    plan: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    /** Of one run's strikes. */
    seconds: { type: 'string', default: '20' },
    rate: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
  },
})

const note = (line: string): void => console.error(line)

function chosen(): readonly PlanName[] {
  const asked = [...positionals, ...values.plan]
  const unknown = asked.find((name) => !isPlan(name))
  if (unknown !== undefined)
    throw new Error(`There is no plan "${unknown}"; there are ${Object.keys(plans).join(', ')}.`)
  const why = whyNoHosts()
  const names = asked.length > 0 ? asked.filter(isPlan) : Object.keys(plans).filter(isPlan)
  return names.filter((name) => {
    const plan: Plan = plans[name]
    if (plan.world.onHosts !== true || why === undefined) return true
    note(`${name} is left out: ${why}`)
    return false
  })
}

function show(outcome: Outcome, options: RunOptions): void {
  const { plan, seed, faults, measures, events } = outcome
  const silent = Math.max(0, ...measures.map((one) => one.silentMs))
  console.log(
    `${plan} ${seed}: ${faults.length === 0 ? 'all is well' : 'BROKEN'}; ${events} events, ${measures.length} strikes, at most ${silent} ms without a commit of a partition`,
  )
  for (const { strike, atMs, silentMs, waitMs } of measures)
    console.log(`  ${(atMs / 1000).toFixed(1)} s  ${strike}: silent ${silentMs} ms, longest wait ${waitMs} ms`)
  if (faults.length > 0) console.log(broken(outcome, options))
}

// So that what is left is tidied up.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
await setup()
const names = chosen()
const until = performance.now() + Number(values.minutes ?? 0) * 60_000
let seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
let failed = 0
let runs = 0
// A seed without a time is a replay: each plan once.
do {
  for (const name of names) {
    if (runs >= names.length && performance.now() >= until) break
    const forMs = Number(values.seconds) * 1000
    const options = { seed, forMs, eventsPerSecond: Number(values.rate) }
    const outcome = await runPlan(name, options)
    runs++
    if (outcome.faults.length > 0) failed++
    if (values.json) console.log(JSON.stringify(outcome))
    else show(outcome, options)
  }
  seed++
} while (performance.now() < until)
note(`${runs} runs, ${failed} broken`)
process.exit(failed === 0 ? 0 : 1)
