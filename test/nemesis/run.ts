/**
 * One run of the nemesis: a world, a plan, a seed and a time. Strikes come as the seed says; in
 * the end all is mended, and those who stand outside say what is broken. The same seed strikes
 * the same way again, as far as real processes can.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { randomOf } from '#test/support/workloads/random.ts'
import { cutFaults } from './cuts.ts'
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
  /** When all is mended the realm has so long for what it still has to do, so that a run ends before its test does. */
  readonly healMs?: number
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

/** Empty when all is well; else what happened, what is broken (at the end, where a log is cut last), and how to see it again. */
export function broken({ plan, seed, faults, story }: Outcome, { forMs, eventsPerSecond }: RunOptions): string {
  if (faults.length === 0) return ''
  const again = `again: npm run nemesis -- ${plan} --seed ${seed} --seconds ${forMs / 1000} --rate ${eventsPerSecond}`
  const shown = faults.slice(0, faultsMost).map((fault) => `broken: ${fault.slice(0, 600)}`)
  if (faults.length > shown.length) shown.push(`broken: ${faults.length - shown.length} more`)
  return [...story.map((line) => `| ${line}`), ...shown, again].join('\n')
}

const faultsMost = 20
const atOnceMost = 2
const settleMs = 3000
const breathMs = 1000
const tryMs = 2000
const healMost = 75_000

export async function runPlan(name: PlanName, options: RunOptions): Promise<Outcome> {
  const plan: Plan = plans[name]
  const { seed, forMs, eventsPerSecond, healMs = healMost } = options
  await using world = await openNemesisWorld({ ...plan.world, ...options.world, seed, eventsPerSecond }).catch(
    (cause: unknown) => {
      throw new Error(`the world of the plan ${name} with seed ${seed} never opened: ${String(cause)}`, { cause })
    },
  )
  const faults: string[] = []
  if (!(await world.settled())) faults.push('shares: the nodes never shared the partitions')
  const begunAt = Date.now()
  world.begin()
  const struck =
    faults.length > 0 ? [] : await storm(world, plan, { forMs, onError: (error) => faults.push(textOf(error)) })
  const deadline = performance.now() + healMs
  const left = (mostMs: number): number => Math.max(1000, Math.min(mostMs, deadline - performance.now()))
  if (faults.length === 0 && !(await settledAgain(world, left(30_000))))
    faults.push('shares: the nodes never shared the partitions again')
  if (!(await world.calm(left(30_000)))) faults.push('calm: not everything that was asked for came to an end')
  const rested = await world.rest(left(30_000))
  faults.push(...rested.faults)
  if (faults.length === 0) faults.push(...(await foldFaults(world, left(20_000))))
  if (plan.world.takesCuts === true) faults.push(...(await cutFaults(world, left(20_000))))
  faults.push(...saidFaults(world))
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

/** What no node may ever say of itself here, and what one must have said. */
function saidFaults({ members, rollbacks }: NemesisWorld): readonly string[] {
  const never = ['node.failed', 'log.forked', ...(rollbacks.length > 0 ? [] : ['log.shorter'])]
  const faults = new Set<string>()
  const said = new Set<string>()
  let mendings = 0
  for (const [member, { lines }] of members)
    for (const { is, fault } of lines) {
      said.add(is)
      if (is === 'log.mended') mendings++
      const { code = is, message = '' } = (fault ?? {}) as { code?: string; message?: string }
      if (never.includes(is)) faults.add(`said: ${member} said ${is}: ${code}: ${message}`)
    }
  if (rollbacks.length > 0)
    for (const is of ['log.shorter', 'log.mended'])
      if (!said.has(is)) faults.add(`said: the log lost its end ${rollbacks.length} times, and nobody said ${is}`)
  if (mendings > rollbacks.length)
    faults.add(`said: the log lost its end ${rollbacks.length} times, and was mended ${mendings} times`)
  return [...faults]
}

/** As whoever runs the nodes does: one that ended, because no server answered while it started, is started again. */
function supervise({ members }: NemesisWorld, isFree: (target: string) => boolean): void {
  for (const member of members.values())
    if (!member.isAlive && member.name !== 'guest' && isFree(member.name)) member.start()
}

/** All of them: one that has just ended, and not yet been started again, is not counted out. */
async function settledAgain(world: NemesisWorld, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs
  while (performance.now() < deadline) {
    supervise(world, () => true)
    const isSettled = await world.settled(tryMs)
    if (isSettled && [...world.members.values()].every(({ name, isAlive }) => isAlive || name === 'guest')) return true
  }
  return false
}

type Storm = {
  readonly forMs: number
  /** What strikes or mends failed itself; what happened is told all the same. */
  readonly onError: (error: unknown) => void
}

/** With its stack: nobody here expected it. */
const textOf = (error: unknown): string => `strike: ${error instanceof Error ? error.stack : String(error)}`

type Past = { readonly what: string; readonly from: number; readonly to: number }

/** Resolves when all is mended. */
async function storm(world: NemesisWorld, plan: Plan, { forMs, onError }: Storm): Promise<readonly Past[]> {
  const dice = randomOf(world.seed)
  const until = performance.now() + forMs
  const open = new Map<string, Promise<void>>()
  const past: Past[] = []
  const isFree = (target: string): boolean => !open.has(target)

  async function mend(struck: Struck, from: number): Promise<void> {
    await pause(struck.forMs)
    await struck.mend().catch(onError)
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
    const struck = await strike(world, own, isFree).catch(onError)
    if (struck === undefined) continue
    world.tell(struck.what)
    open.set(struck.target, mend(struck, from))
  }
  await Promise.all(open.values())
  return past.toSorted((one, other) => one.from - other.from)
}
