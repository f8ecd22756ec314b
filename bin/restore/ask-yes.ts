/** Asks a person at a terminal before something that cannot be taken back by itself. */
import { createInterface } from 'node:readline/promises'

/** Anything but a clear yes is no. */
export async function askYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `)
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}

/** Whether there is anybody to ask. */
export function isAskable(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}
