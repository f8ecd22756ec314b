/** The directory of a node, made before anything is started: what cannot be written to is a sentence. */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '#config/open-config.ts'
import { Fault } from '#protocol/fault.ts'

export function makeDir(config: Config): void {
  const { dir } = config.node
  try {
    makeEach(dir)
    accessSync(dir, constants.W_OK | constants.X_OK)
  } catch (cause) {
    const { text: source } = config.sourceOf('dir')
    const want = `a directory that can be made and written to (${(cause as Error).message})`
    throw new Fault('config.invalid', { name: 'dir', value: dir, source, want }, { cause })
  }
}

/** One after the other: Node's own `recursive` never ends where a parent is there and takes no child, as in /proc. */
export function makeEach(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(dir)
  if (parent !== dir) makeEach(parent)
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    // Two starts at once both make it.
    if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}
