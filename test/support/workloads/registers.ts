/** Registers that several programs read, write and swap at once: each answers as if it did one thing after the other. */
import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { reply } from '#runtime/core/actions.ts'
import { answerTo } from './ask.ts'
import { judgementOf, type Operation, unexplained } from './linearizable.ts'
import type { Outside } from './outside.ts'
import type { Random } from './random.ts'
import { contextOf } from './reader.ts'
import type { Workload } from './workload.ts'

type Event = { type: 'READ' } | { type: 'WRITE'; value: number } | { type: 'SWAP'; from: number; to: number }

const machine = setup({ types: { context: {} as { value: number }, events: {} as Event } }).createMachine({
  id: 'register',
  context: { value: 0 },
  on: {
    READ: { actions: reply(({ context }) => context.value) },
    WRITE: { actions: [assign({ value: ({ event }) => event.value }), reply(true)] },
    SWAP: [
      {
        guard: ({ context, event }) => context.value === event.from,
        actions: [assign({ value: ({ event }) => event.to }), reply(true)],
      },
      { actions: reply(false) },
    ],
  },
})

type Done = { -readonly [K in keyof Operation]: Operation[K] } & { readonly event: Event; answer: unknown }

const operationOf = ({ asked, answered, event, answer }: Done): Operation => {
  const when = { asked, answered }
  switch (event.type) {
    case 'READ':
      return { ...when, is: 'read', value: answer as number | undefined }
    case 'WRITE':
      return { ...when, is: 'write', value: event.value }
    case 'SWAP':
      return { ...when, is: 'swap', from: event.from, to: event.to, done: answer as boolean | undefined }
  }
}

export function registers(): Workload & { readonly histories: ReadonlyMap<string, readonly Operation[]> } {
  const kind = actor('register', machine)
  const keys = ['left', 'right']
  const histories = new Map<string, Done[]>(keys.map((key) => [key, []]))
  let instant = 0
  let values = 0
  let questions = 0

  /** What this program last knew of each register makes a swap likely to be done. */
  function eventOf(random: Random, known: number): Event {
    const dice = random.next()
    if (dice < 0.4) return { type: 'READ' }
    return dice < 0.7 ? { type: 'WRITE', value: ++values } : { type: 'SWAP', from: known, to: ++values }
  }

  async function live(outside: Outside, random: Random, given: { name: string; rounds: number }): Promise<void> {
    const program = outside.program(given.name)
    const known = new Map<string, number>()
    for (let at = 0; at < given.rounds; at++) {
      const key = random.pick(keys)
      const event = eventOf(random, known.get(key) ?? 0)
      const one: Done = { asked: ++instant, answered: Infinity, event, answer: undefined } as Done
      histories.get(key)?.push(one)
      const answer = await answerTo(outside, {
        id: `g${questions++}`,
        program,
        to: ({ realm }) => realm.ref(kind, key),
        event,
      })
      if (answer !== undefined) {
        one.answered = ++instant
        one.answer = answer.value
        if (event.type === 'READ') known.set(key, answer.value as number)
        if (event.type === 'WRITE') known.set(key, event.value)
      }
      if (random.chance(0.4)) await outside.sleep(random.int(1, 500))
    }
  }

  return {
    name: 'registers',
    kinds: [kind],
    get histories() {
      return new Map([...histories].map(([key, all]) => [key, all.map(operationOf)]))
    },
    async drive(outside, random, rounds) {
      const names = ['anna', 'bert', 'cleo']
      await Promise.all(
        names.map((name) => live(outside, random.fork(), { name, rounds: Math.ceil(rounds / names.length) })),
      )
    },
    audit(reader) {
      return keys.flatMap((key) => {
        const value = contextOf<{ value: number }>(reader, `register/${key}`)?.value
        const history = histories.get(key)?.map(operationOf) ?? []
        // Whoever looks in the end is one more reader.
        const last: Operation = { asked: ++instant, answered: ++instant, is: 'read', value: value ?? 0 }
        const whole = [...history, last]
        const judgement = judgementOf(whole, 0)
        if (judgement === 'explained') return []
        if (judgement === 'undecided') return [`too much of what register/${key} was asked has no answer`]
        const tail = unexplained(whole, 0).slice(-8)
        return [
          `no order of operations explains what register/${key} answered: … ${tail.map((one) => JSON.stringify(one)).join(' ')}`,
        ]
      })
    },
  }
}
