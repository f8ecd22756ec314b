import { expect, test } from 'vitest'
import { layerFaults } from './layers.ts'
import { layers, planted, sourcesOf } from './source.ts'

test('every import stays within what its layer may know', () => {
  expect(layerFaults(sourcesOf([...layers, 'test', 'bench', 'examples']))).toEqual([])
})

test.each([
  ['runtime knows an actor', 'runtime/loop.ts', `import { agent } from '#actors/agent.ts'`],
  ['a type of an actor is knowledge too', 'runtime/loop.ts', `import type { Agent } from '#actors/agent.ts'`],
  ['runtime reads the defaults itself', 'runtime/loop.ts', `import { defaults } from '#config/defaults.ts'`],
  ['runtime opens a store', 'runtime/loop.ts', `import { openStore } from '#store/lmdb.ts'`],
  ['a re-export is an import', 'protocol/record.ts', `export { step } from '#runtime/core/step.ts'`],
  ['a dynamic import is an import', 'store/lmdb.ts', `export const loop = () => import('#runtime/loop.ts')`],
  ['the core talks to the network', 'runtime/core/step.ts', `import { connect } from '@nats-io/transport-node'`],
  ['the store talks to the network', 'store/lmdb.ts', `import type { Msg } from '@nats-io/nats-core'`],
  ['a machine talks to the network', 'actors/agent.ts', `import { connect } from '@nats-io/transport-node'`],
  ['the runtime opens a database', 'runtime/loop.ts', `import { open } from 'lmdb'`],
  ['the CLI opens a database', 'bin/show.ts', `import { open } from 'lmdb'`],
  ['protocol runs XState', 'protocol/actor.ts', `import { transition } from 'xstate'`],
  ['a way up', 'runtime/core/step.ts', `import { bus } from '../bus.ts'`],
  ['a folder below by its long name', 'runtime/loop.ts', `import { step } from '#runtime/core/step.ts'`],
  ['a way down that a layer may not go', 'actors/agent.ts', `import { openVm } from './drivers/vm.ts'`],
  ['a neighbour by its long name', 'runtime/loop.ts', `import { bus } from '#runtime/bus.ts'`],
  ['a name without its ending', 'runtime/loop.ts', `import { bus } from './bus'`],
])('planted: %s', (_, path, line) => {
  expect(layerFaults(planted(path, line))).not.toEqual([])
})

test.each([
  ['runtime/loop.ts', `import type { Store } from '#store/store.ts'`],
  ['runtime/loop.ts', `import { step } from './core/step.ts'`],
  ['runtime/nats/reader.ts', `import { step } from '#runtime/core/step.ts'`],
  ['runtime/index.ts', `import { openLmdb } from '#store/lmdb.ts'`],
  ['runtime/nats/bus.ts', `import { jetstream } from '@nats-io/jetstream'`],
  ['protocol/actor.ts', `import type { AnyActorLogic } from 'xstate'`],
  ['actors/drivers/vm.ts', `import { spawn } from 'node:child_process'`],
  ['bin/main.ts', `import { counter } from '#actors/counter.ts'`],
])('allowed in %s: %s', (path, line) => {
  expect(layerFaults(planted(path, line))).toEqual([])
})
