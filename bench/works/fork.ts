/**
 * A fork of 200,000 actors of 1 KB beside the realm that they live in: from the beginning, all of its
 * looking at the cut included, to the first event that the fork processes, and until every partition
 * of it is served. The realm's own node goes on meanwhile; the fork's process stands and waits.
 */
import { tmpdir } from 'node:os'
import { mkdir } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { measureBoot } from '#bench/boot.ts'
import { fillAndCut, serveAgain } from '#bench/boxes.ts'
import { median } from '#bench/figures.ts'
import { configFor } from '#bench/access.ts'
import type { Ground } from '#bench/ground.ts'
import { instantMs } from '#bench/instant.ts'
import { requireEqual, type Work } from '#bench/work.ts'
import { busOptionsOf } from '#config/options.ts'
import { realmForksOf } from '#runtime/client/forks.ts'
import { systemClock } from '#runtime/clock.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { readingOf, storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { findCut } from '#runtime/cuts/reading/find-cut.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { openRealms } from '#runtime/nats/realms.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'

export const fork: Work = {
  name: 'fork',
  title: 'a fork of 200,000 actors of 1 KB beside their realm, to the first event and until all is served',
  async run({ rounds, quick, openGround, note }) {
    // While nothing else runs here.
    const raw = await measureBoot(tmpdir(), rounds)
    const actors = quick ? 20_000 : 200_000
    const secret = randomBytes(32)
    await using ground = await openGround()
    await fillAndCut(ground, { actors, secret })
    const serveds: number[] = []
    const firsts: number[] = []
    for (let round = 0; round < rounds; round++) {
      const { openMs, firstMs, servedMs } = await forkOnce(ground, { as: `fork-${round}`, actors, secret })
      firsts.push(firstMs)
      serveds.push(servedMs)
      note(
        `  round ${round + 1}: open after ${openMs.toFixed(0)} ms, first event after ${firstMs.toFixed(0)} ms, all served after ${servedMs.toFixed(0)} ms`,
      )
    }
    return [
      { value: median(firsts) / 1000, unit: 's', better: 'less', target: 2, raw },
      { part: 'served', value: median(serveds) / 1000, unit: 's', better: 'less' },
    ]
  },
}

type Given = { readonly as: string; readonly actors: number; readonly secret: Buffer }

async function forkOnce(
  ground: Ground,
  { as, actors, secret }: Given,
): Promise<{ openMs: number; firstMs: number; servedMs: number }> {
  const dir = `${ground.access.dir}-${as}`
  await mkdir(dir)
  const node = ground.bareNode()
  await node.call('count', null)
  const options = { ...busOptionsOf(configFor(ground.access)), auth: ground.access.auth, create: false }
  await using realm = await ground.openRealm()
  const { bus } = realm
  const archive = openMemoryArchive(undefined, secret)
  const begunAt = instantMs()
  const forks = realmForksOf({
    ...{ realm: realm.name, clock: systemClock, baseOf: baseOfRows, sealedBaseOf, archive: () => archive },
    realms: () => openRealms(options),
    bus: () => Promise.resolve(bus),
    async open(cut) {
      const { id } = findCut(await cutShelfOf({ bus, archive }).notes(), cut, realm.name)
      return await openCut({ shelf: readingOf(storedSource(bus.cuts), archive, realm.name), archive }, id)
    },
  })
  const made = await forks.make('all', { as })
  const openMs = instantMs() - begunAt
  requireEqual('actors in the fork', made.actors, actors)
  const access = { ...ground.access, realm: as, dir }
  const { firstAt, readyAt } = await serveAgain(ground, node, { access, actors, secret })
  await node.stop()
  return { openMs, firstMs: firstAt - begunAt, servedMs: Math.max(openMs, readyAt - begunAt) }
}
