/** Effects bound by label, between processes: they run where the label is, and survive it. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { systemClock } from '#runtime/clock.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { type Child, startChild } from '#test/support/crash/child.ts'
import { realmOptions } from '#test/support/engine.ts'
import type { LabelledProgram } from '#test/support/labelled-program.ts'
import { startNats } from '#test/support/nats.ts'

const program = fileURLToPath(new URL('../support/labelled-program.ts', import.meta.url))

const isReady = ({ is }: { readonly is?: string }): boolean => is === 'node.ready'

const heardBy = (shown: unknown): readonly string[] => (shown as { context: { heard: string[] } }).context.heard

test('a model call runs in the process that has the model, and in the next one when that is killed [LM19]', async () => {
  const nats = await startNats()
  const children: Child[] = []
  const start = async (name: string, given: Partial<LabelledProgram>): Promise<Child> => {
    const whole = { name, url: nats.url, realm: 'shop', labels: [], capacity: 1, isSlow: false, ...given }
    const child = startChild(whole, program)
    children.push(child)
    await child.line(isReady)
    return child
  }
  const model = { labels: ['model'], capacity: 0 }
  const owner = await start('owner', {})
  const bus = await openBus({
    servers: [nats.url],
    realm: 'shop',
    create: false,
    defaultPartitions: 4,
    replicas: 1,
    durability: 'process',
    times: { ackMs: 2000, callMs: 2000, heartbeatMs: 500, reconnectMs: 50 },
  })
  const realm = realmHandleOf({ bus, clock: systemClock }, { ...realmOptions, client: 'test' })
  try {
    const agent = realm.at('agent/x')
    const ask = (word: string) => agent.send({ type: 'ASK', provider: 'provider/p', self: 'agent/x', word })
    const heard = async (count: number): Promise<readonly string[]> =>
      heardBy(await agent.waitFor((shown) => heardBy(shown).length >= count, { timeoutMs: 120_000 }))
    await ask('one')
    const waits = await owner.line(({ is }) => is === 'effect.waits')
    expect(waits).toMatchObject({ for: 'carrier', reason: expect.stringContaining('owner (labels: none)') })
    const slow = await start('slow', { ...model, isSlow: true })
    const begun = await slow.line(({ is }) => is === 'effect.begun')
    expect(begun).toMatchObject({ name: 'infer', attempt: 1 })
    await slow.kill()
    const quick = await start('quick', model)
    expect(await quick.line(({ is }) => is === 'effect.begun')).toMatchObject({
      effect: begun['effect'],
      attempt: 2,
    })
    expect(await heard(1)).toEqual(['one by quick'])
    await ask('two')
    expect(await heard(2)).toEqual(['one by quick', 'two by quick'])
    expect(owner.lines.filter(({ is }) => is === 'effect.begun')).toEqual([])
  } finally {
    await realm.close()
    for (const child of children) await child.kill()
    await bus.close()
    await nats.stop()
  }
})
