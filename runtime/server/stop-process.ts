/** Ends a process that is not, or no longer, our child: politely, then not. */
import { setTimeout as pause } from 'node:timers/promises'
import { isAlive } from './process-identity.ts'

const lookEveryMs = 20

export async function stopProcess(pid: number, graceMs: number): Promise<void> {
  signal(pid, 'SIGTERM')
  for (let waitedMs = 0; isAlive(pid); waitedMs += lookEveryMs) {
    if (waitedMs >= graceMs) signal(pid, 'SIGKILL')
    await pause(lookEveryMs)
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already, which is what was wanted.
  }
}
