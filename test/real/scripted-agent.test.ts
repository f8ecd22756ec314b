/**
 * An agent that works for long, on two nodes of which now one and now the other is killed: what it
 * is and what it did in the end is what it would be and would have done had nothing happened.
 */
import { expect, test } from 'vitest'
import { partitionOf } from '#protocol/partition.ts'
import { decodeRecord } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'
import type { LogEntry } from '#runtime/bus.ts'
import { emittedOf } from '#runtime/core/emitted.ts'
import type { Child } from '#test/support/crash/child.ts'
import { type CrashWorld, openCrashWorld } from '#test/support/crash/crash-world.ts'
import { agentAt, answerOf, outboxAt, turns } from '#test/support/scripted-agent.ts'
import { type Random, randomOf } from '#test/support/workloads/random.ts'

const kills = 20
/** Many times what it takes until a turn comes after a death; a turn that is lost is told then. */
const patienceMs = 20_000
const members = { beatMs: 50, suspectMs: 150, deadMs: 600 }
const script = Array.from({ length: turns }, (_, at) => answerOf(at + 1))

/** How far a turn is when the owner of its agent ends, as it is seen from outside. */
const stages = ['asked', 'answered', 'emitted', 'put', 'kept'] as const
type Stage = (typeof stages)[number]

/** The entries of the log that say so: as many as turns came to there. */
const saying: Readonly<Record<Exclude<Stage, 'asked'>, (entry: LogEntry) => boolean>> = {
  answered: ({ subject }) => mailOf(subject, agentAt) === 'e',
  emitted: ({ subject }) => parseStored(subject).is === 'ev',
  put: ({ subject }) => mailOf(subject, outboxAt) !== undefined,
  kept: ({ subject }) => typeof mailOf(subject, agentAt) === 'number',
}

function mailOf(subject: string, to: string): string | number | undefined {
  const stored = parseStored(subject)
  return stored.is === 'in' && stored.address === to ? stored.sender : undefined
}

type Blow = { readonly turn: number; readonly stage: Stage; readonly isPlanned: boolean }

/** The last is no death but a stop, as one who plans to. */
function blowsOf(random: Random): readonly Blow[] {
  const at = new Set<number>()
  while (at.size < kills + 1) at.add(random.int(2, turns - 1))
  return [...at]
    .toSorted((a, b) => a - b)
    .map((turn, nth) => ({ turn, stage: random.pick(stages), isPlanned: nth === kills }))
}

/** Answers by the script, up to the turn that it is let to, whoever asks and however often. */
function openModel() {
  const asked: (readonly [child: Child, turn: number])[] = []
  const hearers = new Set<() => void>()
  let most = 0
  const answer = ([child, turn]: (typeof asked)[number]): void => child.tell({ turn, text: answerOf(turn) })

  async function listen(child: Child): Promise<void> {
    for (let from = 0; ;) {
      const line = await child.line((one) => one['asked'] !== undefined, from)
      from = child.lines.indexOf(line) + 1
      const one = [child, line['asked'] as number] as const
      asked.push(one)
      if (one[1] <= most) answer(one)
      for (const hear of hearers) hear()
    }
  }

  return {
    asked,
    /** Until it ends. */
    serve: (child: Child): void => void listen(child).catch(() => undefined),
    letTo(turn: number): void {
      for (const one of asked) if (one[1] > most && one[1] <= turn) answer(one)
      most = turn
    },
    comesTo: (turn: number): Promise<void> =>
      new Promise((resolve, reject) => {
        const hear = (): void => void (asked.some((one) => one[1] === turn) && resolve())
        hearers.add(hear)
        hear()
        const giveUp = (): void => reject(new Error(`Turn ${turn} never comes.`))
        AbortSignal.timeout(patienceMs).addEventListener('abort', giveUp, { once: true })
      }),
  }
}

/** Who had the agent, one after the other. */
function ownersIn({ entries, bus }: CrashWorld): readonly string[] {
  const partition = partitionOf(agentAt, bus.realm.partitions)
  return entries.flatMap(({ subject, data }) => {
    const stored = parseStored(subject)
    if (stored.is !== 'commit' || stored.partition !== partition) return []
    const record = decodeRecord(data)
    return record.is === 'claim' ? [record.node] : []
  })
}

async function logSays(world: CrashWorld, stage: keyof typeof saying, turn: number): Promise<void> {
  const isSo = (entries: readonly LogEntry[]): boolean => entries.filter(saying[stage]).length >= turn
  await world.until(isSo)
  if (!isSo(world.entries)) throw new Error(`The log never says that turn ${turn} was ${stage}.`)
}

async function runAgent(blows: readonly Blow[]) {
  await using world = await openCrashWorld(1, { isScripted: true })
  const model = openModel()
  const nodes = new Map<string, Child>()
  function start(name: string): void {
    const child = world.start(name, { options: members })
    model.serve(child)
    nodes.set(name, child)
  }
  const bothServe = (): Promise<unknown> =>
    Promise.all([...nodes.values()].map((child) => child.line(({ is }) => is === 'node.ready')))

  async function strike({ turn, stage, isPlanned }: Blow, next: number): Promise<void> {
    await model.comesTo(turn)
    // Else there is nobody to take over.
    await bothServe()
    if (stage !== 'asked') {
      model.letTo(next - 1)
      await logSays(world, stage, turn)
    }
    const owners = ownersIn(world)
    const name = owners.at(-1) as string
    const owner = nodes.get(name) as Child
    owner.signal(isPlanned ? 'SIGTERM' : 'SIGKILL')
    expect(await owner.exited).toBe(isPlanned ? 0 : 'SIGKILL')
    start(name)
    model.letTo(next - 1)
    await world.until(() => ownersIn(world).length > owners.length)
  }

  start('a')
  start('b')
  await bothServe()
  await world.send(agentAt, { type: 'BEGIN' })
  model.letTo((blows[0]?.turn ?? turns + 1) - 1)
  for (const [nth, blow] of blows.entries()) await strike(blow, blows[nth + 1]?.turn ?? turns + 1)
  await model.comesTo(turns)
  await logSays(world, 'kept', turns)
  const { states } = await world.rest()
  return {
    agent: states.get(agentAt)?.snapshot,
    outbox: states.get(outboxAt)?.snapshot,
    emitted: world.entries.filter(saying.emitted).map(({ data }) => emittedOf(data)),
    asked: model.asked.map(([, turn]) => turn),
    owners: ownersIn(world),
  }
}

test(
  'a 200-turn agent, killed 20 times on 2 nodes, ends as the undisturbed one [N1]',
  async () => {
    const calm = await runAgent([])
    expect(calm.agent).toMatchObject({ value: 'over', context: { turn: turns, heard: script, kept: turns } })
    expect(calm.outbox).toMatchObject({ context: { letters: script } })
    expect(calm.emitted).toEqual(script.map((text) => ({ type: 'turned', text })))
    expect(calm.asked).toHaveLength(turns)

    const blows = blowsOf(randomOf(7))
    const struck = await runAgent(blows)
    expect(struck.agent).toEqual(calm.agent)
    expect(struck.outbox).toEqual(calm.outbox)
    expect(struck.emitted).toEqual(calm.emitted)
    // It was disturbed: what was asked when its owner died was asked again, and each end was followed by a new owner.
    const cutShort = blows.filter(({ stage }) => stage === 'asked').length
    expect(cutShort).toBeGreaterThan(0)
    expect(struck.asked.length).toBeGreaterThanOrEqual(turns + cutShort)
    expect(new Set(struck.owners)).toEqual(new Set(['a', 'b']))
    expect(struck.owners.length).toBeGreaterThanOrEqual(blows.length + 1)
  },
  patienceMs * 6,
)
