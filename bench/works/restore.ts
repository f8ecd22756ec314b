/**
 * 200,000 actors of 1 KB restored from a file into servers that never had the realm: from the
 * beginning of the restore, all of its looking at the file included, to the first event that is
 * processed, until every partition is served, and until all of it is rows in the node's store and
 * nothing depends on the cut any more. It is restored lazily; the node's process stands and waits.
 */
import { tmpdir } from 'node:os'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { measureBoot } from '#bench/boot.ts'
import { againCount, fillAndCut, serveAgain, verifyBoxes } from '#bench/boxes.ts'
import { median } from '#bench/figures.ts'
import { configFor } from '#bench/access.ts'
import type { Ground } from '#bench/ground.ts'
import { instantMs } from '#bench/instant.ts'
import { requireEqual, type Work } from '#bench/work.ts'
import { busOptionsOf } from '#config/options.ts'
import { systemClock } from '#runtime/clock.ts'
import { openCutFile, writeCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { findCut } from '#runtime/cuts/reading/find-cut.ts'
import { restoreCut } from '#runtime/cuts/restoring/restore.ts'
import { openGenerations } from '#runtime/nats/generations.ts'
import { baseOfRows } from '#store/base-blob.ts'
import { sealedBaseOf } from '#store/sealed-base.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'

export const restore: Work = {
  name: 'restore',
  title: '200,000 actors of 1 KB restored from a file into an empty realm, to the first event and to the end',
  async run({ rounds, quick, openGround, note }) {
    // While nothing else runs here.
    const raw = await measureBoot(tmpdir(), rounds)
    const actors = quick ? 20_000 : 200_000
    const secret = randomBytes(32)
    await using before = await openGround()
    const file = await cutOf(before, actors, secret)
    const firsts: number[] = []
    const serveds: number[] = []
    const wholes: number[] = []
    for (let round = 0; round < rounds; round++) {
      await using ground = await openGround()
      const { firstMs, servedMs, wholeMs, openMs } = await restoreInto(ground, { file, secret, actors })
      firsts.push(firstMs)
      serveds.push(servedMs)
      wholes.push(wholeMs)
      note(
        `  round ${round + 1}: open after ${openMs.toFixed(0)} ms, first event after ${firstMs.toFixed(0)} ms, all served after ${servedMs.toFixed(0)} ms, unpacked after ${wholeMs.toFixed(0)} ms`,
      )
    }
    return [
      { value: median(wholes) / 1000, unit: 's', better: 'less', target: 20, raw },
      { part: 'first', value: median(firsts) / 1000, unit: 's', better: 'less', target: 3, raw },
      { part: 'served', value: median(serveds) / 1000, unit: 's', better: 'less' },
    ]
  },
}

async function cutOf(ground: Ground, actors: number, secret: Buffer): Promise<string> {
  await fillAndCut(ground, { actors, secret })
  await using realm = await ground.openRealm()
  const path = join(ground.access.dir, 'all.cut')
  const archive = openMemoryArchive(undefined, secret)
  const { id } = findCut(await cutShelfOf({ bus: realm.bus, archive }).notes(), 'all', realm.name)
  await writeCutFile(path, { source: storedSource(realm.bus.cuts), archive, realm: realm.name }, { cut: id })
  return path
}

type Given = { readonly file: string; readonly secret: Buffer; readonly actors: number }

async function restoreInto(
  ground: Ground,
  { file, secret, actors }: Given,
): Promise<{ openMs: number; firstMs: number; servedMs: number; wholeMs: number }> {
  const { access } = ground
  const node = ground.bareNode()
  await node.call('count', null)
  const options = { ...busOptionsOf(configFor(access)), auth: access.auth, create: false }
  const begunAt = instantMs()
  await using generations = await openGenerations(options)
  await using opened = await openCutFile(file)
  const view = await opened.view(openMemoryArchive(undefined, secret))
  const world = { generations, clock: systemClock, baseOf: baseOfRows, sealedBaseOf }
  const restored = await restoreCut(world, view, { isLazy: true }, () => undefined)
  const openMs = instantMs() - begunAt
  requireEqual('actors restored', restored.actors, actors)
  const { firstAt, readyAt } = await serveAgain(ground, node, { access, actors, secret })
  const { at: unpackedAt } = await node.call('unpacked', null)
  await verifyBoxes(ground, actors, againCount)
  return {
    openMs,
    firstMs: firstAt - begunAt,
    servedMs: Math.max(openMs, readyAt - begunAt),
    wholeMs: Math.max(unpackedAt, readyAt) - begunAt,
  }
}
