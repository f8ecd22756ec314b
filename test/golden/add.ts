/**
 * Makes the golden files of samples that have none: `node test/golden/add.ts`. A file that is
 * there stays as it is, whatever the code writes today: what was once stored must be read for
 * ever, so these bytes are history, not output.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { readGolden } from './formats.ts'
import { samples } from './samples.ts'

const added: string[] = []
for (const { format, name, make } of samples) {
  const path = new URL(`./files/${format}/${name}.json`, import.meta.url).pathname
  if (existsSync(path)) continue
  const bytes = await make()
  mkdirSync(dirname(path), { recursive: true })
  const golden = { format, bytes: Buffer.from(bytes).toString('base64'), value: await readGolden(format, bytes) }
  writeFileSync(path, `${JSON.stringify(golden, null, 2)}\n`, { flag: 'wx' })
  added.push(`${format}/${name}`)
}
process.stdout.write(added.length === 0 ? 'Nothing to add.\n' : `Added: ${added.join(', ')}\n`)
