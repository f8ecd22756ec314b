/**
 * The processor time that a part used while something ran: steadier than the time on the wall
 * when other work shares the machine, and it says which part a gain must come from.
 */
import { readFileSync } from 'node:fs'
import type { Ground } from './ground.ts'
import type { Program } from './program.ts'
import type { NodeCalls } from './programs/node.ts'

export type Spent = { readonly nodeMs: number; readonly serverMs: number | undefined }

export async function spentUntilNow(ground: Ground, node: Program<NodeCalls>): Promise<Spent> {
  const { cpuMs } = await node.call('usage', null)
  return { nodeMs: cpuMs, serverMs: cpuMsOf(ground.serverPid) }
}

/** For a note: microseconds for each of `count`. */
export function spentText(before: Spent, after: Spent, count: number): string {
  const each = (ms: number): string => `${((ms / count) * 1000).toFixed(1)} us`
  const server =
    before.serverMs === undefined || after.serverMs === undefined
      ? ''
      : `, server ${each(after.serverMs - before.serverMs)}`
  return `cpu each: node ${each(after.nodeMs - before.nodeMs)}${server}`
}

/** Only Linux says it of another process; 100 ticks a second is what every kernel of today reports to programs. */
function cpuMsOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return undefined
  }
}
