/** A cut as one file, as bytes: the format is that of a file, which is opened by its path. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#runtime/clock.ts'
import { openCutFile, writeCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { storedSource } from '#runtime/cuts/reading/cut-source.ts'
import { openMemoryLog } from '#runtime/memory/memory-bus.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { keepCut, makerOf } from '#test/support/hand-made-cuts.ts'
import { openTempDir } from '#test/support/temp-dir.ts'

export async function makeCutFile(): Promise<Uint8Array> {
  const log = openMemoryLog({ realm: 'shop', partitions: 2, clock: systemClock })
  const archive = openMemoryArchive(undefined, Buffer.alloc(32, 7))
  const { bus } = makerOf(log.connect(), archive)
  await keepCut(makerOf(bus, archive), { id: 'c1', name: 'first', actors: { 'order/1': { n: 1 }, 'order/2': { n: 2 } } })
  await using dir = await openTempDir()
  const path = join(dir.path, 'cut')
  await writeCutFile(path, { source: storedSource(bus.cuts), archive, realm: 'shop' }, { cut: 'c1' })
  return await readFile(path)
}

/** What it holds by name; segments are named by their bytes, which are never the same twice. */
export async function readCutFile(bytes: Uint8Array): Promise<object> {
  await using dir = await openTempDir()
  const path = join(dir.path, 'cut')
  await writeFile(path, bytes)
  await using file = await openCutFile(path)
  const view = await file.view(openMemoryArchive(undefined, Buffer.alloc(32, 7)))
  const actors: string[] = []
  for (let partition = 0; partition < view.manifest.partitions; partition++)
    for await (const [address] of view.states(partition)) actors.push(address)
  return { id: file.id, name: view.manifest.name, segments: file.segments.length, actors: actors.toSorted() }
}
