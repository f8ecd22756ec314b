/** `perdure cut verify`: every signature, hash and segment of a cut, as it lies in the object store or in a file. */
import type { Call } from '#bin/command.ts'
import type { ExitCode } from '#bin/exit-codes.ts'
import { bytesText, plural, wrap } from '#bin/layout.ts'
import { type Flaw, type Verified, verifyCut as verify, type VerifyProgress } from '#runtime/cuts/reading/verify-cut.ts'
import { cutFileOf, lookInFile } from './cut-in-file.ts'
import { farOf } from './far.ts'
import { wordsOf } from './verb-words.ts'

const flawsShown = 50

export async function verifyCut(call: Call, words: readonly string[]): Promise<ExitCode> {
  const [cut = 'last'] = words.length === 0 ? ['last'] : wordsOf(words, 'verify', ['a cut, or a file'])
  const far = farOf<VerifyProgress>(call, ({ done, of }) => `${done} of ${plural(of, 'segment')} are looked at`)
  const file = await cutFileOf(cut)
  const verified =
    file === undefined
      ? await (await call.realm()).cuts.verify(cut, far)
      : await lookInFile(call.config, file, ({ source, id }, archive) =>
          verify({ source, archive }, { cut: id, realm: file }, far),
        )
  const { flaws, flawed } = verified
  if (call.json) for (const flaw of flaws) call.out.json({ cut: verified.cut, ...flaw })
  print(call, verified, file)
  return flawed === 0 ? 0 : 1
}

function print({ out, json }: Call, verified: Verified, file: string | undefined): void {
  const { cut, documents, segments, bytes, actors, flaws, flawed } = verified
  if (json) return out.json({ cut, file, isWhole: flawed === 0, documents, segments, bytes, actors, flawed })
  for (const flaw of flaws.slice(0, flawsShown)) for (const line of linesOf(flaw, out.width)) out.line(line)
  if (flawed > flawsShown) out.line(`… and ${flawed - flawsShown} more`)
  const what = `${plural(segments, 'segment')}, ${bytesText(bytes)}`
  if (flawed === 0)
    out.line(`cut ${cut} is whole: its signature holds, and ${what} of ${plural(actors, 'actor')} can be read`)
  else out.line(`cut ${cut} cannot be used as it lies there: ${plural(flawed, 'flaw')}, ${what} are sound`)
}

function linesOf({ what, name, partition, fault, heldBy }: Flaw, width: number): string[] {
  const of = partition === undefined ? '' : ` of partition ${partition}`
  const held =
    heldBy.length === 0
      ? ''
      : ` A sound copy is in the archive of ${heldBy.join(', ')} alone; take another cut while it is there.`
  return [`${what} ${name}${of} (${fault.code})`, ...wrap(`${fault.message}${held}`, width - 2, '  ')]
}
