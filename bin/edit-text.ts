/** Lets a person change a text in their editor. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'

/** The editor is a command line (`code --wait`), so a shell reads it; the file is not part of that text. */
export async function editText(editor: string, text: string, name: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'perdure-edit-'))
  const file = join(dir, name)
  try {
    await writeFile(file, text, { mode: 0o600 })
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'perdure-edit', file], { stdio: 'inherit' })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0)
      throw new Fault('usage.invalid', {
        reason: `The editor "${editor}" ended with code ${code}, so nothing was changed. Set EDITOR, or use --editor.`,
      })
    return await readFile(file, 'utf8')
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
