/** `perdure cut export`: one cut as one file, which stands alone. */
import { resolve } from 'node:path'
import type { Call } from '#bin/command.ts'
import { bytesText } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import type { FileProgress } from '#runtime/cuts/reading/cut-file.ts'
import { farOf } from './far.ts'

export async function exportCut(call: Call, [cut, file, extra]: readonly string[]): Promise<void> {
  if (cut === undefined) throw wrong({ name: 'cut' }, '"cut export" needs a cut: its id, its name, or last.')
  if (extra !== undefined) throw wrong({ name: 'cut' }, `"${extra}" is one word too many; one cut and one file.`)
  const { cuts, name } = await call.realm()
  const { id } = await cuts.find(cut)
  const path = resolve(file ?? `${name}-${id}.cut`)
  const far = farOf<FileProgress>(call, ({ done, of }) => `${bytesText(done)} of ${bytesText(of)} are written`)
  const { bytes } = await cuts.exportTo(id, path, far)
  if (call.json) return call.out.json({ id, file: path, bytes })
  call.out.line(`cut ${id} is in ${path}, ${bytesText(bytes)}; to read it one needs the key that it was taken with`)
}
