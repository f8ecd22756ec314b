/** `perdure debug`: replays an actor step by step, on the machine it had and on a changed one. */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import type { Call, Command } from '#bin/command.ts'
import { stateText, timeText } from '#bin/layout.ts'
import { loadActors } from '#bin/load-actors.ts'
import { wrong } from '#bin/parse-line.ts'
import { showValue } from '#bin/show-value.ts'
import { kindOf } from '#protocol/address.ts'
import { Fault } from '#protocol/fault.ts'
import { type ActorKind, type DebugStep, parseAddress, systemClock } from '#runtime/index.ts'
import { inputOfLine } from '#runtime/past/input-lines.ts'
import { parseInstant } from '#runtime/past/instant.ts'

export const command: Command = {
  name: 'debug',
  title: 'replays an actor step by step, also on a changed machine',
  usage: ['<address> [--from <instant>] [--until <state | instant>] [--machine changed.ts] [--inputs file] [--step]'],
  about: [
    'Each step that the actor made is made again here, with what it was given: nothing is sent, no effect is run (their results come from the record), and no node hears of it. --actors names the machines that it ran on; with --machine each step is made on a changed machine as well, and the first one at which the two part is marked.',
    'What the machine that it had makes of its inputs is compared with what was recorded. Where they differ it says so: the machine is another one than it had, or it asks a clock or chance.',
    'An instant is a place on the log, a time or a cut, as for "perdure at". A state is written with dots: review.waiting.',
  ],
  examples: [
    'debug order/42 --actors shop.ts',
    'debug order/42 --actors shop.ts --machine shop-fixed.ts --until paid',
    'debug order/42 --actors shop.ts --from before-deploy --step',
    'debug order/42 --actors shop.ts --inputs inputs.jsonl --json',
  ],
  flags: {
    from: { type: 'text', value: 'before-deploy', about: 'Begins behind this instant; by default at its beginning.' },
    until: { type: 'text', value: 'review.waiting', about: 'Ends when it is in this state, or at this instant.' },
    machine: { type: 'text', value: 'changed.ts', about: 'A module with the changed machine, under the same kind.' },
    inputs: {
      type: 'text',
      value: 'inputs.jsonl',
      about: 'Takes these inputs, as "inputs --json" printed and you edited them.',
    },
    step: { type: 'yes', about: 'On a terminal: waits for Enter after each step, and shows the context.' },
    limit: { type: 'text', value: '10000', about: 'At most so many commits; 10,000 by default.' },
    actors: { type: 'text', value: 'shop.ts', about: 'The module with the machines that it had (actors.module).' },
  },
  settings: 'connection',
  json: 'A line for each step {"n","at","seq","type","old":{"value","status","context","sent"},"new":{…},"apart","first","record"}.',
  async run(call) {
    const [text, extra] = call.words
    if (text === undefined || extra !== undefined) throw wrong(command, 'Name one actor, for example order/42.')
    const address = parseAddress(text)
    const kind = await kindFrom(call.text('actors') ?? call.config.node['actors.module'], kindOf(address))
    const machine = call.text('machine')
    const changed = machine === undefined ? undefined : await kindFrom(machine, kindOf(address))
    const file = call.text('inputs')
    const lines =
      file === undefined ? undefined : (await readFile(file, 'utf8')).split('\n').filter((one) => one.trim() !== '')
    const { from, until, state } = endsOf(call)
    const { past } = await call.realm()
    const inputs = lines?.map((line) => inputOfLine(address, line))
    const options = { kind, changed, inputs, from, until, limit: call.count('limit', 10_000) }
    await show(call, past.debug(text, options), state)
    return 0
  },
}

/** What reads as a place or a time is one; any other word is a state, unless it says that it is a cut. */
function endsOf(call: Call): { from: string | undefined; until: string | undefined; state: string | undefined } {
  const from = call.text('from')
  const until = call.text('until')
  const isState = until !== undefined && !until.startsWith('cut:') && 'cut' in parseInstant(until, systemClock.now())
  return { from, until: isState ? undefined : until, state: isState ? until : undefined }
}

async function kindFrom(file: string | undefined, name: string): Promise<ActorKind> {
  const kind = (await loadActors(file)).find((one) => one.kind === name)
  if (kind === undefined) throw new Fault('past.noMachine', { value: name, file: file ?? 'the examples' })
  return kind
}

async function show(call: Call, steps: AsyncIterable<DebugStep>, state: string | undefined): Promise<void> {
  const { out } = call
  const isInteractive = call.is('step') && out.isTerminal && process.stdin.isTTY && !call.json
  const terminal = isInteractive ? createInterface({ input: process.stdin, output: process.stderr }) : undefined
  let count = 0
  let parted: DebugStep | undefined
  let differs = 0
  try {
    for await (const step of steps) {
      count++
      if (step.isFirst) parted = step
      if (step.record !== undefined) differs++
      if (call.json) out.json(jsonOf(step))
      else print(call, step, isInteractive)
      if (state !== undefined && isIn(state, (step.new ?? step.old)?.value)) break
      await terminal?.question('Enter goes on ')
    }
  } finally {
    terminal?.close()
  }
  if (call.json) return
  if (count === 0) return out.line('It made no step in that time.')
  out.line()
  if (call.text('machine') !== undefined)
    out.line(
      parted === undefined
        ? `On both machines it went the same way, in ${count} steps.`
        : `They part at commit ${parted.input.n}, when ${parted.input.type} came; what followed may not have come to the changed one.`,
    )
  if (differs > 0)
    out.line(
      `At ${differs} commits the record says something else than this machine: it is another one than the actor had, or it asks a clock or chance.`,
    )
}

/** `review` is in `review.waiting`, and a parallel state is in each of its regions. */
function isIn(state: string, value: unknown): boolean {
  const [first = '', ...rest] = state.split('.')
  if (typeof value === 'string') return rest.length === 0 && value === first
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, first)) return false
  return rest.length === 0 || isIn(rest.join('.'), (value as Record<string, unknown>)[first])
}

function jsonOf({ input, old, new: changed, isApart, isFirst, record }: DebugStep): object {
  const { n, at, seq, type, mark } = input
  return {
    n,
    at,
    seq,
    type,
    mark,
    isKnown: input.arrival !== undefined,
    old,
    new: changed,
    apart: isApart,
    first: isFirst,
    record,
  }
}

function print({ out }: Call, step: DebugStep, isWhole: boolean): void {
  const { input, old, new: changed, isApart, isFirst, record } = step
  const now = systemClock.now()
  const mark = isFirst ? out.style('red', '>') : isApart ? out.style('yellow', '|') : ' '
  const head = `${mark} ${String(input.n).padStart(6)}  ${timeText(input.at, now)}  ${input.type}`
  const known = input.arrival === undefined ? '  (not on the log any more: not stepped)' : ''
  out.line(`${head}${known}`)
  out.line(`          ${sideText(old)}`)
  if (changed !== undefined && isApart) out.line(`  ${out.style('yellow', 'changed')} ${sideText(changed)}`)
  if (record !== undefined) out.line(`  ${out.style('red', 'record')}  ${stateText(record.value, record.status)}`)
  if (isFirst || isWhole) {
    out.line(showValue(out, old?.context, { indent: '          ' }))
    if (changed !== undefined) out.line(showValue(out, changed.context, { indent: '  changed ' }))
  }
}

function sideText(side: DebugStep['old']): string {
  if (side === undefined) return '(not there)'
  const { value, status, sent, fault } = side
  const said = [...sent, ...(fault === undefined ? [] : [`throws ${fault.message}`])]
  return `${stateText(value, status)}${said.length === 0 ? '' : `   ${said.join(', ')}`}`
}
