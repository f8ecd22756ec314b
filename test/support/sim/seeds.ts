/** Which world a seed stands for, so that the long tests and `npm run simulate` mean the same one. */
import type { WorldOptions } from './world.ts'

const weatherOf = (seed: number): 'harsh' | undefined => (seed % 4 === 0 ? 'harsh' : undefined)

export const seedWorlds = {
  /** Two nodes at most, which know nothing of each other and fight. */
  single: (seed: number): WorldOptions => ({ seed, requests: 40, weather: weatherOf(seed) }),
  /** Two to four nodes that share the partitions. */
  several: (seed: number): WorldOptions => ({ seed, requests: 30, nodes: 2 + (seed % 3), weather: weatherOf(seed) }),
  /** One or the other, and cuts are taken all the time. */
  cuts: (seed: number): WorldOptions => ({
    ...{ seed, requests: 30, weather: weatherOf(seed), cuts: true },
    nodes: seed % 2 === 0 ? 2 + (seed % 3) : undefined,
  }),
} as const

export type SeedWorld = keyof typeof seedWorlds

export const isSeedWorld = (name: string): name is SeedWorld => Object.hasOwn(seedWorlds, name)
