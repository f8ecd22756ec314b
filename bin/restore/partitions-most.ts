/** Into how many partitions a realm may be restored: the markers of a cut are one batch, so one of more could not be cut. */
import { limits } from '#protocol/limits.ts'

export const partitionsMost = limits.batchEntries - 1
