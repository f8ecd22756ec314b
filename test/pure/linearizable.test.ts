/** The judge of registers: which answers one register could have given, and which none could. */
import { describe, expect, test } from 'vitest'
import { judgementOf, type Operation, unexplained } from '#test/support/workloads/linearizable.ts'

const write = (asked: number, answered: number, value: number): Operation => ({ asked, answered, is: 'write', value })
const read = (asked: number, answered: number, value: number): Operation => ({ asked, answered, is: 'read', value })
const swap = (asked: number, answered: number, [from, to, done]: [number, number, boolean | undefined]): Operation => ({
  asked,
  answered,
  is: 'swap',
  from,
  to,
  done,
})

const never = Infinity

describe('one register could have answered so', () => {
  const histories: readonly (readonly [string, readonly Operation[]])[] = [
    ['nothing was asked', []],
    ['one after the other', [write(1, 2, 7), read(3, 4, 7), swap(5, 6, [7, 8, true]), read(7, 8, 8)]],
    ['a read beside a write sees it', [write(1, 4, 7), read(2, 3, 7)]],
    ['a read beside a write does not see it', [write(1, 4, 7), read(2, 3, 0)]],
    ['a write without an answer was heard later', [write(1, never, 7), read(2, 3, 0), read(4, 5, 7)]],
    ['a write without an answer was never heard', [write(1, never, 7), read(2, 3, 0), read(4, 5, 0)]],
    ['a swap that was refused came before the write', [write(1, 4, 7), swap(2, 3, [7, 8, false]), read(5, 6, 7)]],
    ['a swap without an answer was done', [write(1, 2, 7), swap(3, never, [7, 8, undefined]), read(4, 5, 8)]],
  ]
  test.each(histories)('%s', (_, history) => {
    expect(judgementOf(history, 0)).toBe('explained')
  })
})

describe('no register could have answered so', () => {
  const histories: readonly (readonly [string, readonly Operation[]])[] = [
    ['a read behind a write sees what was before', [write(1, 2, 7), read(3, 4, 0)]],
    ['what was seen once is unseen again', [write(1, 6, 7), read(2, 3, 7), read(4, 5, 0)]],
    ['a value that nobody wrote', [write(1, 2, 7), read(3, 4, 9)]],
    ['two swaps of one value are both done', [swap(1, 4, [0, 7, true]), swap(2, 3, [0, 8, true])]],
    ['a swap is refused that nothing speaks against', [write(1, 2, 7), swap(3, 4, [7, 8, false])]],
    ['a write was heard twice', [write(1, 2, 7), write(3, 4, 8), read(5, 6, 7)]],
    [
      'two see two writes in different orders',
      [write(1, 9, 7), write(2, 10, 8), read(3, 4, 7), read(5, 6, 8), read(7, 8, 7)],
    ],
  ]
  test.each(histories)('%s', (_, history) => {
    expect(judgementOf(history, 0)).toBe('unexplained')
  })
})

test('the shortest beginning that nothing explains ends with the answer that is wrong', () => {
  const history = [write(1, 2, 7), read(3, 4, 7), read(5, 6, 0), write(7, 8, 9), read(9, 10, 9)]
  expect(unexplained(history, 0).at(-1)).toEqual(read(5, 6, 0))
})

test('a tangle of questions without an answer is not called whole', () => {
  const open = Array.from({ length: 40 }, (_, at) => write(at + 1, never, at + 1))
  expect(judgementOf([...open, read(50, 51, 999)], 0)).toBe('undecided')
})
