/** Which functions call the spawn that XState hands them, judged by their source text. */
import { describe, expect, test } from 'vitest'
import { spawns } from '#runtime/core/spawns.ts'

const inline = () => {}

describe('which functions spawn', () => {
  const yes: Function[] = [
    ({ spawn }: any) => spawn('x'),
    ({ context, spawn: bear }: any) => bear(context),
    (args: any) => args.spawn('x'),
    (args: any) => args?.spawn('x'),
    function ({ spawn }: any) {
      return spawn('x')
    },
    {
      ref({ spawn }: any) {
        return spawn('x')
      },
    }.ref,
    (args: any) => {
      const { spawn } = args
      return spawn('x')
    },
    async ({ spawn }: any) => spawn('x'),
    ({ context: { deep } = { deep: 1 }, spawn = null }: any) => spawn(deep),
    ({ spawn: e }: any) => e('x'),
  ]
  const no: unknown[] = [
    ({ spawnChild }: any) => spawnChild('x'),
    ({ context }: any) => context.spawn('x'),
    ({ event }: any) => event.spawn,
    ({ context: { spawn } }: any) => spawn,
    (args: any) => args.spawnChild('x'),
    (args: any) => args.context.spawn,
    (args: any) => ({ spawn: args.context.n }),
    // ({ spawn }) => spawn('in a comment')
    ({ context }: any) => `${context.n} ({ spawn }) => spawn("in a text")`,
    (other: any, args: any) => [other, args.spawn],
    () => 'spawn',
    Math.max,
    inline.bind(null),
    'spawn',
    undefined,
  ]
  test.each(yes.map((fn) => [String(fn).replace(/\s+/g, ' ').slice(0, 60), fn]))('it does: %s', (_, fn) =>
    expect(spawns(fn)).toBe(true),
  )
  test.each(no.map((fn) => [String(fn).replace(/\s+/g, ' ').slice(0, 60), fn]))('it does not: %s', (_, fn) =>
    expect(spawns(fn)).toBe(false),
  )
})
