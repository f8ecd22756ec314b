/** A process that does nothing: how fast this machine starts one is the floor under every start. */
import { instantMs } from '#bench/instant.ts'
import { answerCalls } from '#bench/program.ts'

export type NothingCalls = typeof calls

const calls = { at: (_: null) => instantMs() }

answerCalls(calls, async () => process.exit(0))
