/** Questions: each is handled once and answered once, also when the asker dies and asks again. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { parseStored } from '#protocol/subject.ts'
import { reply } from '#runtime/core/actions.ts'
import { type Asked, contextOf, countFaults, timesOf, type Workload } from '#test/support/sim/workload.ts'

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
    actors: [oracles],
    async drive(outside, size) {
      const random = outside.random.fork()
      const program = outside.program('pilgrim')
      const pending: Promise<unknown>[] = []
      const ask = async (one: Asked, key: string, n: number): Promise<void> => {
        // Asked again under the same id until the answer is there, by whichever life of the program.
        for (let tries = 0; tries < 20; tries++) {
          let answer: unknown
          const asking = program.realm
            .ref(oracles, key)
            .ask({ type: 'DOUBLE', id: one.id, n }, { timeoutMs: 3000, id: one.id })
          const outcome = await outside.outcomeOf(
            program,
            asking.then((value) => (answer = value)),
          )
          if (outcome === 'done') {
            one.outcome = 'done'
            if (answer !== n * 2) faults.push(`question ${one.id} for ${n} was answered ${String(answer)}`)
            return
          }
          await outside.sleep(1000)
        }
      }
      for (let at = 0; at < size; at++) {
        const one: Asked = { id: `q${asked.length}`, outcome: 'unknown' }
        asked.push(one)
        pending.push(ask(one, random.pick(keys), random.int(1, 1000)))
        if (random.chance(0.5)) await outside.sleep(random.int(1, 1000))
      }
      await Promise.all(pending)
    },
    check(seen) {
      const handled = keys.flatMap((key) => contextOf<{ asked: readonly string[] }>(seen, `oracle/${key}`)?.asked ?? [])
      const answers = seen.entries.flatMap((entry) => {
        const stored = parseStored(entry.subject)
        return stored.is === 're' ? [stored.id] : []
      })
      return [
        ...faults,
        ...countFaults('question', asked, timesOf(handled)),
        ...countFaults('answer', asked, timesOf(answers)),
      ]
    },
  }
}
