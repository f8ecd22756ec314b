/** `perdure fork <cut|file> --as <realm>`: a second realm beside the first. */
import type { Call } from '#bin/command.ts'
import type { ExitCode } from '#bin/exit-codes.ts'
import { plural } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { partitionsOf } from '#bin/restore/partitions.ts'
import { progressOf } from '#bin/restore/progress.ts'
import { runNode } from '#bin/run-node.ts'
import { forkEffectsText, type ForkTimers, parseForkEffects } from '#protocol/fork.ts'
import { isFault } from '#protocol/fault.ts'
import { openForkDesk } from './fork-desk.ts'
import { forkConfigOf, makeForkDir, nodeCommandOf } from './fork-dir.ts'

export async function makeFork(call: Call, [cut, extra]: readonly string[]): Promise<ExitCode> {
  if (cut === undefined) throw wrong({ name: 'fork' }, 'Name a cut ("perdure cut ls" lists them), or a file.')
  if (extra !== undefined) throw wrong({ name: 'fork' }, `"${extra}" is one word too many; name one cut.`)
  const as = call.text('as')
  if (as === undefined) throw wrong({ name: 'fork' }, 'Name the realm that the fork shall be: --as <realm>.')
  const options = { as, effects: effectsOf(call), timers: (call.text('timers') ?? 'frozen') as ForkTimers }
  const { dir } = await make(call, cut, { ...options, partitions: partitionsOf(call, { name: 'fork' }) })
  if (!call.is('serve')) return 0
  call.out.note(`serving the fork ${as} from ${dir}; Ctrl-C ends it`)
  return await runNode(served(call, as), false, () => undefined)
}

type Options = {
  readonly as: string
  readonly effects: ReturnType<typeof parseForkEffects>
  readonly timers: ForkTimers
  readonly partitions: number | undefined
}

async function make(call: Call, cut: string, options: Options): Promise<{ readonly dir: string }> {
  const { config, out } = call
  const { as } = options
  await using desk = await openForkDesk(config)
  const view = await desk.open(cut)
  const onProgress = progressOf(call)
  const { fork, actors, envelopes, partitions } = await desk.makeOf(view, { ...options, onProgress })
  const dir = await makeForkDir(config, as)
  const command = nodeCommandOf(config, as, dir)
  const { of, cut: id, timers } = fork
  const effects = forkEffectsText(fork.effects)
  if (call.json) out.json({ fork: as, of, cut: id, effects, timers, partitions, actors, envelopes, dir, command })
  else {
    out.line(
      `forked ${of} at ${id} as ${as}: ${plural(actors, 'actor')}, ${plural(envelopes, 'envelope')} in flight; effects ${effects}, timers ${timers}`,
    )
    if (!call.is('serve')) out.line(`no node serves it yet: ${command}`)
  }
  return { dir }
}

/** The same call about the fork. */
function served(call: Call, fork: string): Call {
  return Object.create(call, { config: { value: forkConfigOf(call.config, fork) } }) as Call
}

function effectsOf(call: Call): ReturnType<typeof parseForkEffects> {
  try {
    return parseForkEffects(call.text('effects') ?? 'journal')
  } catch (error) {
    throw isFault(error) ? wrong({ name: 'fork' }, error.message) : error
  }
}
