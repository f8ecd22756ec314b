/** `perdure fork ls`: the forks of this realm that there are. */
import type { Call } from '#bin/command.ts'
import { bytesText, table, timeText } from '#bin/layout.ts'
import { forkEffectsText } from '#protocol/fork.ts'
import { systemClock } from '#runtime/index.ts'
import { openForkDesk } from './fork-desk.ts'

export async function listForks(call: Call): Promise<void> {
  const { out } = call
  await using desk = await openForkDesk(call.config)
  const forks = await desk.list({ all: call.is('all') })
  if (call.json) {
    for (const { fork: { effects, ...fork } = {}, ...seen } of forks)
      out.json({ ...seen, ...fork, ...(effects && { effects: forkEffectsText(effects) }), markers: undefined })
    return
  }
  if (forks.length === 0) return out.line('There is no fork: perdure fork <cut> --as <realm>')
  const now = systemClock.now()
  const columns = ['fork', 'of', 'cut', 'made', 'effects', 'timers', 'state', 'log']
  const rows = forks.map(({ name, fork, state, bytes }) => [
    name,
    fork?.of ?? '',
    fork?.cut ?? 'by a later release',
    fork === undefined ? '' : timeText(fork.madeAt, now),
    fork === undefined ? '' : forkEffectsText(fork.effects),
    fork?.timers ?? '',
    state,
    bytesText(bytes),
  ])
  for (const line of table(
    columns.map((head) => ({ head })),
    rows,
    out.width,
  ))
    out.line(line)
}
