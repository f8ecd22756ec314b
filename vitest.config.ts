/**
 * Four projects by what a test may touch: `pure` needs nothing but the process it runs in,
 * `real` starts nats-server, LMDB and child processes, `nemesis` strikes several nodes for two
 * minutes and measures how long they take, `long` is what does not fit ten minutes. A fifth,
 * `rounds`, is `pure` with many more rounds of what goes by dice.
 * They run one after the other (`groupOrder`), so that a real server never competes with a
 * property test for the two cores a small machine has.
 */
import { defineConfig } from 'vitest/config'

const conditions = ['perdure-source', 'node', 'module', 'import', 'default']

const pure = {
  include: ['test/pure/**/*.test.ts', 'test/laws/**/*.test.ts'],
  // Nothing there outlives its file, and to load the same modules a hundred times costs more than to run them.
  isolate: false,
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    pool: 'forks',
    teardownTimeout: 30_000,
    reporters: ['default', './test/support/summary.ts'],
    projects: [
      {
        extends: true,
        test: {
          ...pure,
          name: 'pure',
          // Time is virtual there: this ends only what hangs, also on a machine that does much else.
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          globalSetup: './test/support/nats-setup.ts',
          // It ends only what hangs, too: three nodes that start beside much else take a minute.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'nemesis',
          include: ['test/nemesis/**/*.test.ts'],
          globalSetup: './test/support/nats-setup.ts',
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // What is measured here has the machine to itself.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: ['test/long/**/*.test.ts'],
          globalSetup: './test/support/nats-setup.ts',
          testTimeout: 600_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          ...pure,
          name: 'rounds',
          env: { TEST_ROUNDS: 'many' },
          testTimeout: 300_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
})
