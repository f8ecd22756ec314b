/** A schedule that nobody started: each of its instants is told once, in order, also those that passed while no node ran. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { contextOf } from './reader.ts'
import type { Workload } from './workload.ts'

const machine = setup({
  types: { context: {} as { at: readonly number[] }, events: {} as { type: 'CHIME'; at: number } },
}).createMachine({
  id: 'chime',
  context: { at: [] },
  on: { CHIME: { actions: assign({ at: ({ context, event }) => [...context.at, event.at] }) } },
})

/** Slow enough that little of the log is chimes. */
const everyS = 5

export function chimes(): Workload {
  const kind = actor('chime', machine, {
    cron: { schedule: `*/${everyS} * * * * *`, event: { type: 'CHIME' }, missed: 'all' },
  })
  return {
    name: 'chimes',
    kinds: [kind],
    drive: () => Promise.resolve(),
    audit(reader) {
      const at = contextOf<{ at: readonly number[] }>(reader, 'chime/main')?.at ?? []
      const end = reader.entries.at(-1)?.at ?? 0
      const since = at.at(-1) ?? reader.entries[0]?.at ?? 0
      const silent = end - since > 2 * everyS * 1000 + reader.skewMs ? [`no chime struck from ${since} to ${end}`] : []
      const struck = at.flatMap((instant, index) => {
        const before = at[index - 1]
        if (instant % (everyS * 1000) !== 0) return [`the chime struck at ${instant}, which no schedule says`]
        if (before === undefined || instant === before + everyS * 1000) return []
        return [`the chime struck at ${instant} after ${before}`]
      })
      return [...silent, ...struck]
    },
  }
}
