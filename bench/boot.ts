/** How long a process takes here that starts, loads the same programs and does nothing: the floor under every start. */
import { median } from './figures.ts'
import type { Ground } from './ground.ts'

export async function measureBoot(ground: Ground, rounds: number): Promise<number> {
  const took: number[] = []
  for (let round = 0; round < rounds; round++) {
    await using node = ground.bareNode()
    const { at } = await node.call('boot', null)
    took.push(at - node.startedAt)
  }
  return median(took)
}
