import { describe, expect, test } from 'vitest'
import { decode, encode } from '#protocol/codec.ts'
import { advance, apply, diff, shadowOf } from '#protocol/delta.ts'

const textOf = (seed: number, length: number) => {
  let text = ''
  for (let random = seed + 1; text.length < length;) text += (random = (random * 48271) % 2147483647).toString(36)
  return text.slice(0, length)
}
const conversation = (turns: number) =>
  Array.from({ length: turns }, (_, at) => ({ role: at % 2 ? 'model' : 'user', text: textOf(at, 200), at: 1e12 + at }))
const stateOf = (context: unknown, steps = 1) => [1, 1, 'hash', 0, 'talking', context, 3, steps, 1e12, 1e12 + steps]

/** The difference after `change`, which has been checked to give the changed state. */
function sizeAfter<T>(context: T, change: (context: T) => T): number {
  const base = decode(encode(stateOf(context)))
  const shadow = shadowOf(stateOf(context))
  const next = stateOf(change(context), 2)
  const delta = advance(shadow, next) as Uint8Array
  expect(apply(base, delta)).toEqual(decode(encode(next)))
  expect(diff(shadow, next)).toBeUndefined()
  return delta.length
}

describe('a difference costs about what changed', () => {
  const sizes: [string, number, () => number][] = [
    [
      'one turn more in a thousand',
      300,
      () =>
        sizeAfter({ turns: conversation(1000) }, (c) => ({
          turns: [...c.turns, { role: 'user', text: textOf(7, 200), at: 5 }],
        })),
    ],
    [
      'one turn more, pushed in place',
      300,
      () =>
        sizeAfter(
          { turns: conversation(1000) },
          (c) => (c.turns.push({ role: 'user', text: textOf(7, 200), at: 5 }), c),
        ),
    ],
    [
      'a window that slid by one',
      300,
      () =>
        sizeAfter({ turns: conversation(100) }, (c) => ({
          turns: [...c.turns.slice(1), { role: 'user', text: textOf(7, 200), at: 5 }],
        })),
    ],
    [
      'a window that slid by thirty',
      60,
      () => sizeAfter({ turns: conversation(100) }, (c) => ({ turns: c.turns.slice(30) })),
    ],
    [
      'one put in at the front',
      300,
      () =>
        sizeAfter({ turns: conversation(1000) }, (c) => ({
          turns: [{ role: 'user', text: textOf(7, 200), at: 5 }, ...c.turns],
        })),
    ],
    [
      'one put in and one taken out, far apart',
      340,
      () =>
        sizeAfter({ turns: conversation(1000) }, (c) => ({
          turns: [
            ...c.turns.slice(0, 100),
            ...c.turns.slice(101, 900),
            { role: 'user', text: textOf(7, 200), at: 5 },
            ...c.turns.slice(900),
          ],
        })),
    ],
    [
      'a window that slid while another turn was changed',
      340,
      () =>
        sizeAfter({ turns: conversation(50) }, (c) => ({
          turns: [
            ...c.turns.slice(1).map((turn, at) => (at === 20 ? { ...turn, at: 9 } : turn)),
            { role: 'user', text: textOf(7, 200), at: 5 },
          ],
        })),
    ],
    [
      'one field of one row of a thousand',
      80,
      () => sizeAfter({ turns: conversation(1000) }, (c) => ((c.turns[500] as { at: number }).at++, c)),
    ],
    [
      'one field of every tenth row',
      1100,
      () =>
        sizeAfter({ turns: conversation(500) }, (c) => ({
          turns: c.turns.map((turn, at) => (at % 10 ? turn : { ...turn, at: at + 5 })),
        })),
    ],
    [
      'a long text that grew',
      120,
      () => sizeAfter({ answer: textOf(3, 20_000) }, (c) => ({ answer: `${c.answer} and a few words more` })),
    ],
    [
      'the last text of many that grew',
      140,
      () =>
        sizeAfter(
          { turns: conversation(1000) },
          (c) => (((c.turns[999] as { text: string }).text += ' and a few words more'), c),
        ),
    ],
    [
      'a long text that changed in its middle',
      120,
      () =>
        sizeAfter({ page: textOf(3, 20_000) }, (c) => ({
          page: `${c.page.slice(0, 9000)} put in ${c.page.slice(9100)}`,
        })),
    ],
    [
      'one entry of a large map',
      80,
      () =>
        sizeAfter(
          { map: new Map(conversation(500).map((turn, at) => [`k${at}`, turn])) },
          (c) => (c.map.set('k9', { role: 'x', text: 'y', at: 1 }), c),
        ),
    ],
    [
      'one member more in a large set',
      80,
      () =>
        sizeAfter({ set: new Set(conversation(500).map((turn) => turn.text)) }, (c) => ({
          set: new Set([...c.set, 'one more']),
        })),
    ],
    [
      'one key of a large dictionary',
      80,
      () =>
        sizeAfter<{ by: Record<string, unknown> }>(
          { by: Object.fromEntries(conversation(500).map((turn, at) => [`k${at}`, turn])) },
          (c) => ({ by: { ...c.by, k9: 'changed' } }),
        ),
    ],
    [
      'one key gone from a large dictionary',
      60,
      () =>
        sizeAfter<{ by: Record<string, unknown> }>(
          { by: Object.fromEntries(conversation(500).map((turn, at) => [`k${at}`, turn])) },
          (c) => (delete c.by['k9'], c),
        ),
    ],
    ['nothing but the count of steps', 40, () => sizeAfter({ turns: conversation(1000) }, (c) => c)],
  ]
  for (const [what, most, size] of sizes) {
    test(`${what}: at most ${most} bytes`, () => {
      expect(size()).toBeLessThanOrEqual(most)
    })
  }
})

describe('texts', () => {
  test('are never cut through a character, and one that is not well-formed is not built on', () => {
    const long = 'ab'.repeat(50)
    const steps = [
      `${long}😀${long}`,
      `${long}😁${long}`,
      `${long}😁😂${long}`,
      `${long}😁\ud83d`,
      `${long}😁\ud83d\ude00`,
      `${long}\ude00😁`,
      `${long}\ude00😁 more`,
      long,
    ]
    let base = decode(encode([steps[0]]))
    const shadow = shadowOf([steps[0]])
    for (const step of steps.slice(1)) {
      base = apply(base, advance(shadow, [step]) as Uint8Array)
      expect(base).toEqual(decode(encode([step])))
    }
  })
})

describe('what cannot be compared', () => {
  test('a context that holds itself is stored whole, again and again', () => {
    const loop: Record<string, unknown> = { name: 'loop', text: 'x'.repeat(100) }
    loop['self'] = loop
    const shadow = shadowOf(stateOf(loop))
    const delta = advance(shadow, stateOf(loop, 2)) as Uint8Array
    const back = apply(undefined, delta) as [0, 0, 0, 0, 0, Record<string, unknown>]
    expect(back[5]['self']).toBe(back[5])
  })

  test('a part that appears in a later step and holds itself is stored whole', () => {
    const shadow = shadowOf(stateOf({ a: 1 }))
    const loop: { me?: unknown } = {}
    loop.me = [loop]
    const back = apply(
      decode(encode(stateOf({ a: 1 }))),
      advance(shadow, stateOf({ a: 1, loop }, 2)) as Uint8Array,
    ) as [0, 0, 0, 0, 0, { loop: { me: unknown[] } }]
    expect(back[5].loop.me[0]).toBe(back[5].loop)
    expect(advance(shadow, stateOf({ a: 2 }, 3))).toBeDefined()
  })

  test('parts that stand in many places at many depths do not blow up', () => {
    let part: unknown = { leaf: true }
    for (let at = 0; at < 40; at++) part = { left: part, right: part }
    const shadow = shadowOf(stateOf({ a: 1 }))
    const delta = advance(shadow, stateOf({ part })) as Uint8Array
    expect(delta.length).toBeLessThan(2000)
    expect(shadowOf(stateOf({ part })).root).not.toEqual([])
  })
})

test('a difference that meets another base is refused', () => {
  const delta = diff(
    shadowOf(stateOf({ list: [1, 2, 3], text: 'x'.repeat(50), map: new Map([[1, 1]]), set: new Set([1]) })),
    stateOf({ list: [1, 2, 3, 4], text: 'x'.repeat(51), map: new Map([[1, 2]]), set: new Set([2]) }, 2),
  ) as Uint8Array
  const bases = [
    stateOf({ list: [1], text: 'x'.repeat(50), map: new Map(), set: new Set() }),
    stateOf({ list: [1, 2, 3], text: 'short', map: new Map(), set: new Set() }),
    stateOf(null),
    [1],
    { a: 1 },
    null,
  ]
  for (const base of bases) expect(() => apply(base, delta)).toThrow(expect.objectContaining({ code: 'delta.unfit' }))
  for (const bytes of [
    new Uint8Array(0),
    encode('x'),
    encode([99, [0, 1]]),
    encode([1, [77]]),
    encode([1, [1, '__proto__', [0, {}]]]),
  ])
    expect(() => apply({}, bytes)).toThrow(expect.objectContaining({ code: 'delta.unfit' }))
})
