import { expect, test } from 'vitest'
import { type Addressed, decodeErrand, decodeReply, encodeErrand, encodeReply } from '#protocol/errand.ts'
import { Ref, encode } from '#protocol/codec.ts'
import { matches } from '#protocol/subject.ts'
import { rightsOf, roles } from '#runtime/server/role-rights.ts'

test('an errand and its answer arrive as they were sent, references and errors included', () => {
  const sent: Addressed = {
    errand: {
      is: 'run',
      address: 'maker/it',
      effect: {
        id: '0-n-1-0',
        name: 'work',
        is: 'logic',
        input: new Map([['at', new Date(5)]]),
        child: 'work',
        attempt: 2,
        begun: 2,
        begunAt: 1,
        notBefore: 0,
        deadline: undefined,
        sync: false,
        taken: 7,
      },
      version: 1,
      path: ['child'],
      names: { desk: new Ref('maker/desk', 'desk', 'desk') },
    },
    from: { node: 'a', life: 'x' },
    to: 'y',
  }
  expect(decodeErrand(encodeErrand(sent))).toEqual(sent)
  const error = Object.assign(new Error('busy'), { code: 'EBUSY' })
  const reply = decodeReply(
    encodeReply({ is: 'known', run: { state: 'failed', attempt: 1, nth: 3, error } }),
  ) as unknown as { run: { error: unknown } }
  expect(reply.run.error).toMatchObject({ message: 'busy', code: 'EBUSY' })
})

test.each([encode([2, {}]), encode('other'), encode({})])('one of a format that is not known is refused', (bytes) => {
  expect(() => decodeErrand(bytes)).toThrow('has a format that this release does not know')
  expect(() => decodeReply(bytes)).toThrow('has a format that this release does not know')
})

test('nobody but nodes may ask a node to run something [SD3]', () => {
  const may = roles.filter((role) =>
    rightsOf(role, 'shop', ['shop.>']).publish.some((pattern) => matches(pattern, 'shop.do.n')),
  )
  expect(may).toEqual(['node', 'maker'])
})
