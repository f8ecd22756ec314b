/** Asks a person at a terminal before something that cannot be taken back by itself. */
import { createInterface } from 'node:readline/promises'
import type { Call, Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'

/** `--yes` says it beforehand; where nobody is to be asked, the line is refused with this advice. */
export async function isAgreed(
  call: Call,
  question: string,
  { name, advice = 'say --yes' }: Pick<Command, 'name'> & { readonly advice?: string },
): Promise<boolean> {
  if (call.is('yes')) return true
  if (call.json || !isAskable()) throw wrong({ name }, `It would ask now, and there is nobody to answer: ${advice}.`)
  return await askYes(question)
}

/** Anything but a clear yes is no. */
async function askYes(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await lines.question(`${question} [y/N] `)
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}

function isAskable(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY
}
