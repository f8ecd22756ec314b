/** `perdure cut drill`: restores a cut into a scratch realm, says what it found, and throws it away. */
import { userInfo } from 'node:os'
import type { Call } from '#bin/command.ts'
import type { ExitCode } from '#bin/exit-codes.ts'
import { plural, wrap } from '#bin/layout.ts'
import { loadActors } from '#bin/load-actors.ts'
import type { DrillProgress } from '#runtime/cuts/keeping/drill.ts'
import { drillText } from './drill-text.ts'
import { farOf } from './far.ts'
import { wordsOf } from './verb-words.ts'

export async function drillCut(call: Call, words: readonly string[]): Promise<ExitCode> {
  const [cut = 'last'] = words.length === 0 ? ['last'] : wordsOf(words, 'drill', ['a cut'])
  const { cuts } = await call.realm()
  const actors = await loadActors(call.config.node['actors.module'])
  const report = await cuts.drill(cut, actors, { by: userInfo().username, onProgress: farOf(call, farText) })
  if (call.json) call.out.json(report)
  else {
    call.out.line(`cut ${report.cut}: ${drillText(report)}`)
    for (const found of report.found) for (const line of wrap(found, call.out.width - 2, '  ')) call.out.line(line)
    if (report.count > report.found.length) call.out.line(`  … and ${report.count - report.found.length} more`)
  }
  return report.passed ? 0 : 1
}

function farText({ is, done, of }: DrillProgress): string {
  return is === 'verified'
    ? `looked at ${done} of ${plural(of, 'segment')}`
    : `restored ${done} of ${plural(of, 'partition')}`
}
