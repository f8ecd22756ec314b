/** `perdure cut check`: who waits for whom in vain in a cut, and whether what must hold does. */
import type { Call } from '#bin/command.ts'
import { loadInvariants } from '#bin/load-actors.ts'
import { plural } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import type { ExitCode } from '#bin/exit-codes.ts'
import { systemClock } from '#runtime/index.ts'
import { checkLines, isWell } from './check-text.ts'

export async function checkCut(call: Call, [name = 'last', extra]: readonly string[]): Promise<ExitCode> {
  if (extra !== undefined) throw wrong({ name: 'cut' }, `"${extra}" is one word too many; name one cut.`)
  const { node } = call.config
  const invariants = await loadInvariants(call.config, call.text('invariants'))
  const { cuts } = await call.realm()
  const here = await cuts.check(name, { invariants, checkMs: node['cuts.checkMs'] })
  // What the nodes know and this command was not given does not hold any better for it.
  const noted = await cuts.checked(here.cut)
  const others = (noted?.invariants ?? []).filter((one) => here.invariants.every((own) => own.name !== one.name))
  const check = { ...here, invariants: [...here.invariants, ...others] }
  const code = isWell(check) ? 0 : 1
  if (call.json) {
    call.out.json(check)
    return code
  }
  for (const line of checkLines(check, systemClock.now())) call.out.line(line)
  if (check.counts.deadlocks + check.counts.orphans === 0)
    call.out.line('Nobody waits for each other in a circle, or for one that is not there.')
  if (noted !== undefined && others.length > 0)
    call.out.note(
      `${plural(others.length, 'invariant')} as the node ${noted.node} found when the cut was taken (--invariants holds it against those of a module).`,
    )
  return code
}
