import { expect, test } from 'vitest'
import { openedTogether } from '#runtime/opened.ts'

test('what was opened together is closed once, the last one first, also behind one that cannot be closed', async () => {
  const closed: number[] = []
  const opened = openedTogether()
  for (const number of [1, 2, 3])
    opened.use({
      async [Symbol.asyncDispose]() {
        closed.push(number)
        if (number > 1) throw new Error(`${number} is stuck`)
      },
    })
  await expect(opened[Symbol.asyncDispose]()).rejects.toThrow('3 is stuck')
  expect(closed).toEqual([3, 2, 1])
  await opened[Symbol.asyncDispose]()
  expect(closed).toEqual([3, 2, 1])
})
