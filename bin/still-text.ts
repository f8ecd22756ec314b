/** What is said of a realm whose timers stand still, in lists, in `nodes` and by `doctor`. */
import { isStill } from '#protocol/standstill.ts'
import type { Operations } from '#runtime/index.ts'
import { span } from './layout.ts'

/** Nothing while they go on. */
export async function stillText(operate: Pick<Operations, 'standstill'>, now: number): Promise<string | undefined> {
  const still = await operate.standstill()
  if (!isStill(still)) return undefined
  return `Timers stand still, as of ${span(now - still.since)} ago; "perdure timers thaw" lets them go on.`
}
