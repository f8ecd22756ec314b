/** `perdure replicas`: how many servers keep the realm, and changing that while it runs. */
import type { Call, Command } from '#bin/command.ts'
import { plural, table } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { isWhole, openReplicas, type Part } from '#runtime/nats/replicas.ts'
import { reachOf } from '#runtime/wiring.ts'

export const command: Command = {
  name: 'replicas',
  title: 'shows and changes how many servers keep the realm',
  usage: ['', '<count>'],
  about: [
    'Each entry of the log, the registry and the bases is kept by so many servers of the cluster. With 3, one may be lost and nothing is; with 1, everything waits while that one is away, and its disk is the only copy. It changes while the realm runs: nobody is stopped, and it is over when every copy has everything. Ctrl-C only ends the waiting.',
    'Nodes keep what their configuration says of replicas for realms that they make; a realm that is there is as this command left it.',
  ],
  examples: ['replicas', 'replicas 3', 'replicas --json'],
  settings: 'connection',
  json: 'A line for each part: {"stream","wanted","isWhole","copies":[{"server","isLeader","isCurrent","lag"}]}.',
  async run(call) {
    const [text, extra] = call.words
    if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many.`)
    await using replicas = await openReplicas(await reachOf(call.config))
    show(call, text === undefined ? await replicas.look() : await replicas.set(countOf(text), progressOf(call)))
    return 0
  },
}

function countOf(text: string): number {
  const count = Number(text)
  if (count === 1 || count === 3 || count === 5) return count
  throw wrong(command, `"${text}" is none of 1, 3 and 5; an even number survives no more servers than one less.`)
}

function progressOf({ json, out }: Call): (parts: readonly Part[]) => void {
  let said = ''
  return (parts) => {
    const missing = parts
      .filter((one) => !isWhole(one))
      .map(({ stream, copies, wanted }) => {
        const whole = copies.filter(({ isCurrent }) => isCurrent).length
        return `${stream} has ${whole}, wanted ${wanted}`
      })
    const text = `whole copies: ${missing.join('; ')}`
    if (!json && text !== said) out.note(text)
    said = text
  }
}

function show({ json, out }: Call, parts: readonly Part[]): void {
  if (json) {
    for (const part of parts) out.json({ ...part, isWhole: isWhole(part) })
    return
  }
  const columns = [{ head: 'PART' }, { head: 'REPLICAS' }, { head: 'SERVERS' }]
  const rows = parts.map(({ stream, wanted, copies }) => [stream, String(wanted), serversText(copies)])
  for (const line of table(columns, rows, out.width)) out.line(line)
  const behind = parts.filter((one) => !isWhole(one))
  if (behind.length > 0) out.line(out.style('yellow', `${plural(behind.length, 'part')} not whole yet`))
}

function serversText(copies: Part['copies']): string {
  if (copies.length === 0) return 'one alone'
  return copies
    .map(({ server, isLeader, isCurrent, lag }) => {
      if (isLeader) return `${server} (leads)`
      return isCurrent ? server : `${server} (behind${lag > 0 ? ` by ${lag}` : ''})`
    })
    .join(', ')
}
