/** A server of a cluster that ends is started again, but not without end. */
import { expect, test } from 'vitest'
import { Fault } from '#protocol/fault.ts'
import { keepRunning } from '#runtime/server/keep-running.ts'

const died = new Fault('server.died', { reason: 'SIGKILL', lines: '(none)' })

/** Processes that end when they are told to. */
function processes() {
  const started: PromiseWithResolvers<Fault | undefined>[] = []
  const start = async () => {
    const end = Promise.withResolvers<Fault | undefined>()
    started.push(end)
    return {
      pid: started.length,
      exited: end.promise,
      ready: () => undefined,
      stop: async () => end.resolve(undefined),
    }
  }
  return { started, start }
}

function kept(withinMs: number, start: ReturnType<typeof processes>['start']) {
  const told: string[] = []
  const waits: (() => void)[] = []
  const tell = (text: string): void => {
    told.push(text)
    for (const wake of waits.splice(0)) wake()
  }
  const server = keepRunning({
    start,
    limit: { starts: 3, withinMs },
    onEnded: () => tell('ended'),
    onStarted: () => tell('started'),
    onResting: () => tell('resting'),
  })
  const until = async (text: string, times = 1): Promise<void> => {
    while (told.filter((each) => each === text).length < times)
      await new Promise<void>((resolve) => waits.push(resolve))
  }
  return { server, told, until }
}

test('three times within the limit, then it rests, and a stop ends the rest', async () => {
  const { started, start } = processes()
  const { server, told, until } = kept(60_000, start)
  const running = await server
  for (let times = 1; times <= 3; times++) {
    started.at(-1)?.resolve(died)
    await until('started', times)
  }
  expect(running.isResting()).toBe(false)
  started.at(-1)?.resolve(died)
  await until('resting')
  expect([running.isResting(), started.length]).toEqual([true, 4])
  await running.stop()
  expect([started.length, told.at(-1)]).toEqual([4, 'resting'])
})

test('after its rest it is started again', async () => {
  const { started, start } = processes()
  const { server, until } = kept(20, start)
  const running = await server
  for (let times = 1; times <= 4; times++) {
    started.at(-1)?.resolve(died)
    await until('started', times)
  }
  expect([running.pid(), running.isResting()]).toEqual([5, false])
  await running.stop()
})

test('one that was stopped stays stopped', async () => {
  const { started, start } = processes()
  const { server, told } = kept(60_000, start)
  await (await server).stop()
  expect([started.length, told]).toEqual([1, []])
})

test('a start that fails counts like an end', async () => {
  const { started, start } = processes()
  let fails = 0
  const { server, told, until } = kept(60_000, async () => {
    if (started.length > 0 && fails++ < 9) throw died
    return await start()
  })
  const running = await server
  started[0]?.resolve(died)
  await until('resting')
  expect([fails, told]).toEqual([3, ['ended', 'ended', 'ended', 'ended', 'resting']])
  await running.stop()
})
