import { assign, setup } from 'xstate'
import { actor } from '#protocol/actor.ts'
import { systemClock } from '#runtime/clock.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { openTestNode, openTestRealm } from '#test/support/engine.ts'
import { startNats } from '#test/support/nats.ts'
import { fork } from 'node:child_process'
const counter = actor('counter', setup({ types: { context: {} as { count: number }, events: {} as { type: 'ADD'; by: number } } }).createMachine({ id: 'counter', context: { count: 0 }, on: { ADD: { actions: assign({ count: ({ context, event }) => context.count + event.by }) } } }))
const N = Number(process.argv[2] ?? 50000)
if (process.argv[3] === 'send') {
  const bus = await openBus({ servers: [process.argv[4]!], realm: 'bench', create: false } as any)
  const realm = openTestRealm(bus)
  const ps: Promise<unknown>[] = []
  const t = performance.now()
  const keys = Array.from({ length: 1000 }, (_, i) => realm.ref(counter, 'k' + i))
  let open = 0
  for (let i = 0; i < N; i++) { const p = keys[i % 1000]!.send({ type: 'ADD', by: 1 }); open++; void p.then(() => open--); ps.push(p); if (open >= 1000) await ps[i - 999] }
  await Promise.all(ps)
  console.log('sender', Math.round(N / (performance.now() - t) * 1000), '/s')
  await realm.close()
} else {
  const server = await startNats()
  const bus = await openBus({ servers: [server.url], realm: 'bench', create: true, partitions: Number(process.env.P ?? 16), replicas: 1, durability: 'process' } as any)
  const node = await openTestNode(bus, [counter], { options: { inFlightMost: Number(process.env.K ?? 4) } })
  const t = performance.now()
  const child = fork(process.argv[1]!, [String(N), 'send', server.url], { execArgv: process.execArgv })
  await new Promise((r) => child.on('exit', r))
  const t1 = performance.now()
  const cpu = process.cpuUsage()
  await node.settle()
  while (node.partitions.reduce((s, p) => s + Object.values(p.position.clients).reduce((a, c) => Math.max(a, c[0]), 0) * 0, 0) !== 0) await 0
  console.log('cpu node ms', (cpu.user + cpu.system) / 1000, 'settle', performance.now() - t1)
  const realm = openTestRealm(await openBus({ servers: [server.url], realm: 'bench', create: false } as any))
  for (;;) { let sum = 0; for await (const a of realm.operate.list()) sum += (a.state.snapshot.context as any).count; if (sum >= N) { console.log('sum', sum); break }; console.log('sum', sum); await new Promise(r => setTimeout(r, 100)) }
  console.log('total', Math.round(N / (performance.now() - t) * 1000), '/s', 'commits', node.partitions.reduce((s, p) => s + p.position.n, 0), 'rss', process.memoryUsage().rss / 1e6)
  await realm.close(); await node.stop(); await bus.close(); await server.stop()
}
