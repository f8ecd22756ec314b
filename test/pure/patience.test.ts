/** A node that is started before its servers waits for them, says so at once, and does not wait for what does not come by waiting. */
import { expect, test } from 'vitest'
import { Fault } from '#protocol/fault.ts'
import { openVirtualClock } from '#runtime/memory/virtual-clock.ts'
import { patiently } from '#runtime/patience.ts'
import { onTrace, type Trace } from '#runtime/trace.ts'

const patienceMs = 60_000

function openWorld(
  attempt: (count: number, now: number) => void,
  more: { signal?: AbortSignal; patienceMs?: number } = {},
) {
  const clock = openVirtualClock({ start: 0 })
  const said: Extract<Trace, { is: 'node.waits' }>[] = []
  const hearing = onTrace((one) => void (one.is === 'node.waits' && said.push(one)))
  let count = 0
  const outcome = patiently(
    async () => {
      attempt(++count, clock.now())
      return 'it runs'
    },
    { clock, name: 'a', patienceMs, retryMs: 50, ...more },
  ).finally(() => hearing.stop())
  outcome.catch(() => undefined)
  return { clock, said, outcome, count: () => count }
}

const unreachable = new Fault('bus.unreachable', { value: 'nats://there' })

test('it begins soon after the servers answer, and has said at once what it waits for', async () => {
  const world = openWorld((_, now) => {
    if (now < 20_000) throw unreachable
  })
  await world.clock.advance(0)
  expect(world.said).toMatchObject([{ node: 'a', fault: { code: 'bus.unreachable' }, forMs: patienceMs }])
  await world.clock.advance(21_000)
  expect(await world.outcome).toBe('it runs')
  // Every ten seconds again, for those who look at the end of a log.
  expect(world.said).toHaveLength(2)
})

test('another reason is said at once', async () => {
  const world = openWorld((count) => {
    if (count === 1) throw unreachable
    if (count === 2) throw new Fault('bus.timeout', { ms: 5000 })
  })
  await world.clock.advance(1000)
  expect(await world.outcome).toBe('it runs')
  expect(world.said.map(({ fault }) => fault.code)).toEqual(['bus.unreachable', 'bus.timeout'])
})

test('when its patience is over it ends with the last reason, and says what to do', async () => {
  const world = openWorld(() => {
    throw unreachable
  })
  await world.clock.advance(patienceMs + 1)
  await expect(world.outcome).rejects.toMatchObject({ code: 'node.impatient', cause: unreachable })
  await expect(world.outcome).rejects.toThrow(/nats:\/\/there.*start\.patienceMs/s)
})

test.each([
  ['credentials', new Fault('bus.denied', { value: 'x' })],
  ['a name that is taken', new Fault('node.nameTaken', { value: 'a' })],
  ['a mistake', new TypeError('x')],
])('%s are not waited for', async (_, error) => {
  const world = openWorld(() => {
    throw error
  })
  await expect(world.outcome).rejects.toBe(error)
  expect(world.count()).toBe(1)
})

test('without patience the first failure counts, and an end that is asked for ends the waiting', async () => {
  const hasty = openWorld(
    () => {
      throw unreachable
    },
    { patienceMs: 0 },
  )
  await expect(hasty.outcome).rejects.toBe(unreachable)
  const aborter = new AbortController()
  const world = openWorld(
    () => {
      throw unreachable
    },
    { signal: aborter.signal },
  )
  await world.clock.advance(1000)
  aborter.abort()
  await expect(world.outcome).rejects.toBe(unreachable)
})
