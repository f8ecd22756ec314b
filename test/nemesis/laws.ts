/** The laws of a death among several, with their numbers: what CI does a few times, and the long run many. */
import { setTimeout as pause } from 'node:timers/promises'
import { foldFaults } from './folds.ts'
import { worstOf } from './hearing.ts'
import type { Member } from './member.ts'
import { pictureOf } from './picture.ts'
import { type NemesisWorld, openNemesisWorld, type WorldOptions } from './world.ts'

export type Deaths = {
  /** Of each kill the longest time that a partition was not served. */
  readonly silencesMs: readonly number[]
  readonly waitsMs: readonly number[]
  readonly perSecond: number
}

/** Each of the three nodes in turn, under load, with everything as it should be before; in the end all is well. */
export async function killInTurn(kills: number, given: WorldOptions): Promise<Deaths> {
  await using world = await openNemesisWorld(given)
  await expectSoon(world.settled(), world, 'three nodes share the partitions')
  world.begin()
  const silencesMs: number[] = []
  const waitsMs: number[] = []
  const begunAt = Date.now()
  for (let at = 0; at < kills; at++) {
    const victim = [...world.members.values()][at % world.members.size] as Member
    await expectSoon(world.settled(), world, 'the partitions are shared again')
    // The pulse has gone through all of them before it is missed.
    await pause(500)
    const struckAt = Date.now()
    const owned = ownedBy(world, victim.name)
    world.tell(`kill ${victim.name}`)
    await victim.kill()
    await expectSoon(takenOver(world, owned, struckAt), world, 'each partition is served again')
    silencesMs.push(worstOf(world.hearing.silences(struckAt, world.hearing.end)))
    waitsMs.push(worstOf(world.hearing.waits(struckAt - 100, world.hearing.end)))
    world.tell(`served again after ${silencesMs.at(-1)} ms`)
    victim.start()
  }
  const endedAt = Date.now()
  await expectSoon(world.settled(), world, 'the partitions are shared in the end')
  await expectWell(world)
  const perSecond = (world.hearing.consumed(begunAt, endedAt) * 1000) / (endedAt - begunAt)
  return { silencesMs, waitsMs, perSecond }
}

export function ownedBy(world: NemesisWorld, name: string): readonly number[] {
  return (
    world
      .heartbeats()
      .get(name)
      ?.owned.map(([partition]) => partition) ?? []
  )
}

/** Each of them was claimed since then, and goes on. */
export function takenOver(world: NemesisWorld, owned: readonly number[], since: number): Promise<boolean> {
  return world.until(() => owned.every((partition) => world.hearing.isTakenOver(partition, since)))
}

export async function expectSoon(isSo: Promise<boolean>, world: NemesisWorld, what: string): Promise<void> {
  if (!(await isSo)) throw failed(world, [`never came: ${what}`])
}

/** Whatever was asked for came to its end, once, and the same on all disks where somebody stands by. */
export async function expectWell(world: NemesisWorld, { isFollowed = true } = {}): Promise<void> {
  const faults = (await world.calm()) ? [] : ['calm: not everything that was asked for came to an end']
  faults.push(...(await world.rest()).faults)
  if (faults.length === 0 && isFollowed) faults.push(...(await foldFaults(world)))
  if (faults.length > 0) throw failed(world, faults)
}

/** What happened first and what is broken last, where a log is cut last; the test is its own command. */
function failed(world: NemesisWorld, faults: readonly string[]): Error {
  const story = pictureOf(world).map((line) => `| ${line}`)
  const shown = faults.slice(0, faultsMost).map((fault) => `broken: ${fault.slice(0, 600)}`)
  return new Error([`seed ${world.seed}`, ...story, ...shown, `${faults.length} broken, seed ${world.seed}`].join('\n'))
}

const faultsMost = 20
