/** What the nodes found in the newest cut: stable properties hold until somebody does something about them. */
import { checkLines, isWell } from '#bin/cuts/check-text.ts'
import { isFault } from '#protocol/fault.ts'
import { type RealmHandle, systemClock } from '#runtime/index.ts'
import { type Finding, ok, warn } from './finding.ts'

const shownMost = 5

export async function checkLastCut({ cuts }: Pick<RealmHandle, 'cuts'>): Promise<Finding | undefined> {
  const name = 'last cut'
  try {
    const check = await cuts.checked('last')
    if (check === undefined) return undefined
    if (isWell(check))
      return ok(name, `In ${check.cut} nobody waits in vain, and ${invariantsText(check.invariants.length)}.`)
    const lines = checkLines(check, systemClock.now()).filter((one) => !one.startsWith('holds: '))
    const said = lines.slice(0, shownMost).join('; ')
    return warn(name, `${check.cut}: ${said}.`, `perdure cut check ${check.cut} looks again and says all of it.`)
  } catch (error) {
    // Without a cut, or without its key, there is nothing to say here.
    if (isFault(error, 'cut.unknown') || isFault(error, 'cuts.noArchive')) return undefined
    throw error
  }
}

function invariantsText(count: number): string {
  return count === 0 ? 'no invariants are declared' : `all ${count} invariants hold`
}
