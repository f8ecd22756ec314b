/** Looking back from the command line: an actor then, what it was given, and where it would have gone. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cli, openCli } from '#test/support/cli.ts'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** Charging goes well up to a limit; who is asked while it waits lets the question wait. */
const shop = (limit: number): string => `import { actor, invariant, tell } from 'perdure'
import { assign, fromPromise, setup } from 'xstate'

const bill = setup({
  types: { context: {} as { sum: number }, events: {} as { type: 'ADD'; amount: number } | { type: 'PAY' } },
  actors: { charge: fromPromise<string, number>(async ({ input }) => 'receipt ' + input) },
}).createMachine({
  context: { sum: 0 },
  initial: 'open',
  states: {
    open: {
      on: {
        ADD: { actions: assign({ sum: ({ context, event }) => context.sum + event.amount }) },
        PAY: [{ guard: ({ context }) => context.sum > ${limit}, target: 'refused' }, { target: 'charging' }],
      },
    },
    charging: { invoke: { src: 'charge', input: ({ context }) => context.sum, onDone: 'paid' } },
    paid: {},
    refused: {},
  },
})

const caller = setup({
  types: { events: {} as { type: 'CALL' } | { type: 'SAY'; other: string } | { type: 'ASK' } | { type: 'ANSWER' } },
}).createMachine({
  initial: 'free',
  states: {
    free: { on: { CALL: 'calling', ASK: {} } },
    calling: { on: { SAY: { actions: tell(({ event }) => event.other, { type: 'ASK' }) }, ANSWER: 'free' } },
  },
})

export const actors = [
  actor('bill', bill, { version: 1 }),
  actor('caller', caller, { version: 1, unhandled: 'defer' }),
]

export const cheap = invariant('no bill is over 1000', async (cut) => {
  const over: string[] = []
  for await (const { address, context } of cut.actors('bill'))
    if ((context as { sum: number }).sum > 1000) over.push(address)
  return over
})
`

let cli: Cli

beforeAll(async () => {
  cli = await openCli()
  await mkdir(join(cli.folder, 'node_modules'))
  await symlink(checkout, join(cli.folder, 'node_modules', 'perdure'))
  await symlink(join(checkout, 'node_modules', 'xstate'), join(cli.folder, 'node_modules', 'xstate'))
  await writeFile(join(cli.folder, 'shop.ts'), shop(500))
  await writeFile(join(cli.folder, 'changed.ts'), shop(50))
  await cli.up('--actors', 'shop.ts')
})

afterAll(async () => {
  await cli.close()
})

async function untilState(address: string, state: string): Promise<void> {
  for (;;) {
    const [shown] = await cli.json('show', address)
    if (shown?.state === state) return
  }
}

test('an actor is shown as it was at a place, a time, in a cut; and its inputs [NM19]', async () => {
  for (const amount of [10, 20, 30]) await cli.json('send', 'bill/1', 'ADD', `amount=${amount}`)
  await cli.json('cut', 'take', '--name', 'before')
  const added = await cli.json('inputs', 'bill/1')
  await cli.json('send', 'bill/1', 'PAY')
  await untilState('bill/1', 'paid')
  const inputs = await cli.json('inputs', 'bill/1')
  expect(inputs.map(({ type, by }) => [type, by])).toEqual([
    ['ADD', 'envelope'],
    ['ADD', 'envelope'],
    ['ADD', 'envelope'],
    ['PAY', 'envelope'],
    ['perdure.effect', 'envelope'],
  ])
  expect(added.map(({ event }) => (event as { amount: number }).amount)).toEqual([10, 20, 30])
  for (const when of ['before', String(added.at(-1)?.record), new Date(added.at(-1)?.at).toISOString()]) {
    const [then] = await cli.json('at', when, 'show', 'bill/1')
    expect([when, then]).toMatchObject([when, { address: 'bill/1', state: 'open', context: { sum: 60 } }])
  }
  const text = await cli.run(['at', 'last', 'show', 'bill/1'])
  expect(text.out).toContain('as it was')
  expect(text.out).toContain('sum: 60')
  expect(await cli.run(['at', '1', 'show', 'bill/1'])).toMatchObject({ code: 3 })
  expect(await cli.run(['at', '2026-13-77', 'show', 'bill/1'])).toMatchObject({ code: 2 })
})

test('a replay on a changed machine shows where it would have gone [U10]', async () => {
  const steps = await cli.json('debug', 'bill/1', '--actors', 'shop.ts', '--machine', 'changed.ts')
  expect(steps.map(({ first, record }) => [first, record])).toEqual(
    [false, false, false, true, false].map((first) => [first, undefined]),
  )
  expect(steps[3]).toMatchObject({ type: 'PAY', old: { value: 'charging' }, new: { value: 'refused' } })
  const text = await cli.run([
    'debug',
    'bill/1',
    '--actors',
    'shop.ts',
    '--machine',
    'changed.ts',
    '--until',
    'refused',
  ])
  expect(text.out).toContain('They part at commit')
  const same = await cli.run(['debug', 'bill/1', '--actors', 'shop.ts', '--until', 'charging'])
  expect(same.out).not.toContain('paid')
  expect(same).toMatchObject({ code: 0 })
})

test('edited inputs are replayed as they are', async () => {
  const { out } = await cli.run(['inputs', 'bill/1', '--json'])
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; exact?: string })
  const edited = lines.map(({ exact, ...line }) =>
    JSON.stringify(line.type === 'ADD' ? { ...line, event: { type: 'ADD', amount: 400 } } : { ...line, exact }),
  )
  await writeFile(join(cli.folder, 'inputs.jsonl'), edited.join('\n'))
  const steps = await cli.json('debug', 'bill/1', '--actors', 'shop.ts', '--inputs', 'inputs.jsonl')
  expect(steps.at(-1)).toMatchObject({ old: { value: 'refused', context: { sum: 1200 } } })
})

test('an actor goes back to a cut when that is said twice, and not before', async () => {
  await cli.json('send', 'bill/7', 'ADD', 'amount=1')
  await untilState('bill/7', 'open')
  await cli.json('cut', 'take', '--name', 'seven')
  await cli.json('send', 'bill/7', 'PAY')
  await untilState('bill/7', 'paid')
  const shown = await cli.run(['rewind', 'bill/7', '--to', 'seven'])
  expect(shown.out).toMatch(/bill\/7 .*open .*it was named/)
  expect(shown.out).toContain('charge of bill/7')
  expect(shown.err).toContain('Nothing was changed')
  expect(await cli.json('show', 'bill/7')).toMatchObject([{ state: 'paid' }])
  const [done] = await cli.json('rewind', 'bill/7', '--to', 'seven', '--yes')
  expect(done).toMatchObject({ actors: [{ address: 'bill/7', state: 'open' }], done: [{ is: 'back' }] })
  expect(await cli.json('show', 'bill/7')).toMatchObject([{ state: 'open', context: { sum: 1 } }])
})

test('an actor goes back and takes what corrects it in one commit, and of what is lost a list is edited [C16]', async () => {
  await cli.json('send', 'bill/8', 'ADD', 'amount=1')
  await untilState('bill/8', 'open')
  const [begun] = await cli.json('inputs', 'bill/8')
  const to = ['bill/8', '--to', String(begun?.record)]
  for (const amount of [20, 30, 40]) await cli.json('send', 'bill/8', 'ADD', `amount=${amount}`)
  for (;;) if ((await cli.json('show', 'bill/8'))[0]?.context.sum === 91) break
  const { out } = await cli.run(['rewind', ...to, '--list-replay'])
  const lines = out.trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).event.amount)).toEqual([20, 30, 40])
  await writeFile(join(cli.folder, 'again.jsonl'), [lines[1]?.replace(':30}', ':31}'), lines[2]].join('\n'))
  await writeFile(join(cli.folder, 'other.jsonl'), lines.map((line) => line.replaceAll('bill/8', 'bill/9')).join('\n'))
  await writeFile(join(cli.folder, 'own.jsonl'), '{"to":"bill/8","event":{"type":"ADD","amount":9}}')
  expect((await cli.run(['rewind', ...to, '--replay-from', 'other.jsonl', '--yes'])).err).toContain('rewind.otherList')
  expect((await cli.run(['rewind', ...to, '--replay-from', 'own.jsonl', '--yes'])).err).toContain('rewind.notLost')
  const shown = await cli.run(['rewind', ...to, '--replay-from', 'again.jsonl'])
  expect(shown.out).toMatch(/ADD to bill\/8, dropped\n.*ADD to bill\/8, edited: .*31.*\n.*ADD to bill\/8\n/)
  expect(await cli.json('show', 'bill/8')).toMatchObject([{ context: { sum: 91 } }])
  const then = '{"type":"ADD","amount":500}'
  const [done] = await cli.json('rewind', ...to, '--then', then, '--replay-from', 'again.jsonl', '--yes')
  expect(done).toMatchObject({
    then: { type: 'ADD', amount: 500 },
    lost: [{ again: 'dropped' }, { again: 'edited', event: { amount: 31 } }, { again: 'asItCame' }],
    done: [{ address: 'bill/8', is: 'back', then: 'taken' }],
  })
  for (;;) if ((await cli.json('show', 'bill/8'))[0]?.context.sum === 572) break
  const steps = await cli.json('history', 'bill/8')
  const both = steps.filter(({ seq }) => seq === done?.done[0].seq)
  expect(both.map(({ type }) => type)).toEqual(['perdure.rewind', 'ADD'])
  expect(new Set(both.map(({ record }) => record)).size).toBe(1)
  const early = await cli.run(['rewind', 'bill/8', '--to', '1', '--then', then, '--yes'])
  expect(early).toMatchObject({ code: 1 })
  expect(early.err).toContain('rewind.nobody')
})

test('a deadlock and an invariant that does not hold are in every cut, named [U8]', async () => {
  expect(await cli.run(['cut', 'check'])).toMatchObject({ code: 0 })
  for (const key of ['a', 'b']) await cli.json('send', `caller/${key}`, 'CALL')
  await cli.json('send', 'caller/a', 'SAY', 'other=caller/b')
  await cli.json('send', 'caller/b', 'SAY', 'other=caller/a')
  await cli.json('send', 'bill/2', 'ADD', 'amount=5000')
  await untilState('bill/2', 'open')
  for (;;) {
    const shown = await cli.json('ps', '--kind', 'caller')
    if (shown.length === 2) break
  }
  const [{ id }] = await cli.json('cut', 'take', '--name', 'stuck')
  const check = await cli.run(['cut', 'check', id, '--invariants', 'shop.ts'])
  expect(check.code).toBe(1)
  expect(check.out).toMatch(/deadlock since .*caller\/a .*→ caller\/b .*→ caller\/a/)
  expect(check.out).toContain('does not hold: no bill is over 1000')
  // The node has looked by itself.
  for (;;) {
    const [noted] = (await cli.json('cut', 'ls')).filter((one) => one.id === id)
    if (noted?.check !== undefined) {
      expect(noted.check).toMatchObject({ counts: { deadlocks: 1 }, invariants: [{ holds: false, found: ['bill/2'] }] })
      break
    }
  }
  // Whoever names no module is told what the node found, and of no other size than in the list.
  const unarmed = await cli.run(['cut', 'check', id])
  expect(unarmed).toMatchObject({ code: 1, out: expect.stringContaining('does not hold: no bill is over 1000') })
  const [shown] = await cli.json('cut', 'show', id)
  expect((await cli.json('cut', 'ls')).find((one) => one.id === id)).toMatchObject({ bytes: shown?.bytes })
  expect((await cli.run(['cut', 'show', id])).out).toContain('found: 1 deadlock, 1 broken')
  expect((await cli.run(['doctor'])).out).toContain('does not hold')
})
