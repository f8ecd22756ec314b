/** A cut in an exported file, looked at where no server is: with the key that it was sealed with. */
import { resolve } from 'node:path'
import type { Config } from '#config/open-config.ts'
import { keyPlaceOf } from '#config/options.ts'
import { type CutFile, isCutFile, openCutFile } from '#runtime/cuts/reading/cut-file.ts'
import { readCutKey } from '#runtime/cuts/reading/cut-key.ts'
import type { Archive } from '#store/archive.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'

/** Its path, where the word names one. */
export async function cutFileOf(word: string): Promise<string | undefined> {
  const path = resolve(word)
  return (await isCutFile(path)) ? path : undefined
}

export async function lookInFile<T>(
  config: Config,
  path: string,
  look: (file: CutFile, archive: Archive) => Promise<T>,
): Promise<T> {
  await using file = await openCutFile(path)
  await using archive = openMemoryArchive(undefined, await readCutKey(keyPlaceOf(config)))
  return await look(file, archive)
}
