/** Questions: each is handled once and answered once, also when the asker dies and asks again. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { parseStored } from '#protocol/subject.ts'
import { reply } from '#runtime/core/actions.ts'
import { answerTo } from './ask.ts'
import { contextOf } from './reader.ts'
import { type Asked, countFaults, timesOf, type Workload } from './workload.ts'

const machine = setup({
  types: { context: {} as { asked: readonly string[] }, events: {} as { type: 'DOUBLE'; id: string; n: number } },
}).createMachine({
  id: 'oracle',
  context: { asked: [] },
  on: {
    DOUBLE: {
      actions: [
        assign({ asked: ({ context, event }) => [...context.asked, event.id] }),
        reply(({ event }) => event.n * 2),
      ],
    },
  },
})

export function asks(): Workload {
  const oracles = actor('oracle', machine)
  const asked: Asked[] = []
  const faults: string[] = []
  const keys = ['y', 'z']
  return {
    name: 'asks',
    kinds: [oracles],
    async drive(outside, random, rounds) {
      const program = outside.program('pilgrim')
      const pending: Promise<unknown>[] = []
      const ask = async (one: Asked, key: string, n: number): Promise<void> => {
        const answer = await answerTo(outside, {
          id: one.id,
          program,
          to: ({ realm }) => realm.ref(oracles, key),
          event: { type: 'DOUBLE', id: one.id, n },
        })
        if (answer === undefined) return
        one.outcome = 'done'
        if (answer.value !== n * 2) faults.push(`question ${one.id} for ${n} was answered ${String(answer.value)}`)
      }
      for (let at = 0; at < rounds; at++) {
        const one: Asked = { id: `q${asked.length}`, outcome: 'unknown' }
        asked.push(one)
        pending.push(ask(one, random.pick(keys), random.int(1, 1000)))
        if (random.chance(0.5)) await outside.sleep(random.int(1, 1000))
      }
      await Promise.all(pending)
    },
    audit(reader) {
      const handled = keys.flatMap(
        (key) => contextOf<{ asked: readonly string[] }>(reader, `oracle/${key}`)?.asked ?? [],
      )
      const ids = new Set(asked.map(({ id }) => id))
      const answers = reader.entries.flatMap((entry) => {
        const stored = parseStored(entry.subject)
        return stored.is === 're' && ids.has(stored.id) ? [stored.id] : []
      })
      return [
        ...faults,
        ...countFaults('question', asked, timesOf(handled)),
        ...countFaults('answer', asked, timesOf(answers)),
      ]
    },
  }
}
