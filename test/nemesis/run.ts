/**
 * One run of the nemesis: a world, a plan, a seed and a time. Strikes come as the seed says; in
 * the end all is mended, and those who stand outside say what is broken. The same seed strikes
 * the same way again, as far as real processes can.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { randomOf } from '#test/support/workloads/random.ts'
import { foldFaults } from './folds.ts'
import { worstOf } from './hearing.ts'
import { pictureOf } from './picture.ts'
import { type Plan, type PlanName, plans } from './plans.ts'
import { strikes, type Struck } from './strikes.ts'
import { type NemesisWorld, openNemesisWorld, type WorldOptions } from './world.ts'

export type RunOptions = {
  readonly seed: number
  readonly forMs: number
  readonly eventsPerSecond: number
  readonly world?: Partial<WorldOptions>
}

export type Measure = {
  readonly strike: string
  readonly atMs: number
  /** The longest time that any partition committed nothing, from the strike to three seconds after its mending. */
  readonly silentMs: number
  readonly waitMs: number
}

export type Outcome = {
  readonly plan: PlanName
  readonly seed: number
  readonly faults: readonly string[]
  readonly measures: readonly Measure[]
  readonly events: number
  /** What happened, in order; empty when nothing is broken. */
  readonly story: readonly string[]
}

/** Empty when all is well; else what is broken, what happened, and how to see it again. */
export function broken({ plan, seed, faults, story }: Outcome, { forMs, eventsPerSecond }: RunOptions): string {
  if (faults.length === 0) return ''
  const again = `again: npm run nemesis -- ${plan} --seed ${seed} --seconds ${forMs / 1000} --rate ${eventsPerSecond}`
  return [...story.map((line) => `| ${line}`), ...faults.slice(0, 20).map((fault) => fault.slice(0, 600)), again].join(
    '\n',
  )
}

const atOnceMost = 2
const settleMs = 3000
const breathMs = 1000
const tryMs = 2000
const triesMost = 15

export async function runPlan(name: PlanName, options: RunOptions): Promise<Outcome> {
  const plan: Plan = plans[name]
  const { seed, forMs, eventsPerSecond } = options
  await using world = await openNemesisWorld({ ...plan.world, ...options.world, seed, eventsPerSecond })
  const faults: string[] = []
  if (!(await world.settled())) faults.push('the nodes never shared the partitions')
  const begunAt = Date.now()
  world.begin()
  const struck = faults.length > 0 ? [] : await storm(world, plan, forMs)
  if (faults.length === 0 && !(await settledAgain(world))) faults.push('the nodes never shared the partitions again')
  if (!(await world.calm())) faults.push('not everything that was asked for came to an end')
  const rested = await world.rest()
  faults.push(...rested.faults)
  if (faults.length === 0) faults.push(...(await foldFaults(world)))
  for (const [member, { lines }] of world.members)
    for (const { is, fault } of lines)
      if (is === 'log.shorter' || is === 'node.failed') faults.push(`${member} said ${is}: ${JSON.stringify(fault)}`)
  return {
    plan: name,
    seed,
    faults,
    measures: struck.map(({ what, from, to }) => ({
      strike: what,
      atMs: from - begunAt,
      silentMs: worstOf(world.hearing.silences(from, Math.min(to, world.hearing.end))),
      waitMs: worstOf(world.hearing.waits(from, to)),
    })),
    events: rested.audit.consumed,
    story: faults.length === 0 ? [] : pictureOf(world),
  }
}

/** As whoever runs the nodes does: one that ended, because no server answered while it started, is started again. */
function supervise({ members }: NemesisWorld, isFree: (target: string) => boolean): void {
  for (const member of members.values())
    if (!member.isAlive && member.name !== 'guest' && isFree(member.name)) member.start()
}

async function settledAgain(world: NemesisWorld): Promise<boolean> {
  for (let tries = 0; tries < triesMost; tries++) {
    supervise(world, () => true)
    if (await world.settled(tryMs)) return true
  }
  return false
}

type Past = { readonly what: string; readonly from: number; readonly to: number }

/** Resolves when all is mended. */
async function storm(world: NemesisWorld, plan: Plan, forMs: number): Promise<readonly Past[]> {
  const dice = randomOf(world.seed)
  const until = performance.now() + forMs
  const open = new Map<string, Promise<void>>()
  const past: Past[] = []
  const isFree = (target: string): boolean => !open.has(target)

  async function mend(struck: Struck, from: number): Promise<void> {
    await pause(struck.forMs)
    await struck.mend()
    world.tell(`mended: ${struck.what}`)
    past.push({ what: struck.what, from, to: Date.now() + settleMs })
    // It has a moment to come back before it is struck again.
    await pause(breathMs)
    open.delete(struck.target)
  }

  while (performance.now() < until) {
    await pause(dice.int(100, 2000))
    supervise(world, isFree)
    // The dice are thrown in any case, so that what cannot be struck now changes nothing later.
    const [strike, own] = [strikes[dice.pick(plan.strikes)], dice.fork()]
    if (open.size >= atOnceMost) continue
    const from = Date.now()
    const struck = await strike(world, own, isFree)
    if (struck === undefined) continue
    world.tell(struck.what)
    open.set(struck.target, mend(struck, from))
  }
  await Promise.all(open.values())
  return past.toSorted((one, other) => one.from - other.from)
}
