/** How long a process that does nothing takes to start here: the floor under every start. */
import { median } from './figures.ts'
import { startProgram } from './program.ts'
import type { NothingCalls } from './programs/nothing.ts'

export async function measureBoot(cwd: string, rounds: number): Promise<number> {
  const took: number[] = []
  for (let round = 0; round < rounds; round++) {
    await using program = startProgram<NothingCalls>(new URL('./programs/nothing.ts', import.meta.url), { cwd })
    took.push((await program.call('at', null)) - program.startedAt)
  }
  return median(took)
}
