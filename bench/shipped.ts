/** The program as users start it: compiled, behind its launcher, whether this runs from a checkout or a package. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The launcher's path; in a checkout the package is made under `dir` first. */
export async function shippedLauncher(dir: string): Promise<string> {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
  if (!import.meta.url.endsWith('.ts')) return at('../../bin/perdure.js')
  const target = join(dir, 'package')
  await promisify(execFile)(process.execPath, [at('../bin/build.ts'), target])
  return join(target, 'bin', 'perdure.js')
}
