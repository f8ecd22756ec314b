/** Into how many partitions a realm may be restored: the markers of a cut are one batch, so one of more could not be cut. */
import type { Call, Command } from '#bin/command.ts'
import { wrong } from '#bin/parse-line.ts'
import { limits } from '#protocol/limits.ts'

export const partitionsMost = limits.batchEntries - 1

/** Of the flag; nothing where it is not there. */
export function partitionsOf(call: Call, command: Pick<Command, 'name'>): number | undefined {
  if (call.text('partitions') === undefined) return undefined
  const count = call.count('partitions', 0)
  if (count >= 1 && count <= partitionsMost) return count
  throw wrong(command, `--partitions must be a number from 1 to ${partitionsMost}.`)
}
