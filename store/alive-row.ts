/**
 * The instant at which this node last said that it was running. It serves the clause "LMDB
 * follows the log": what a timer counts as absence begins there.
 */
import { sealed, unsealed } from './sealed.ts'
import type { Op, Tables } from './tables.ts'

const key = Buffer.from('alive')

export function readAlive(tables: Tables): number | undefined {
  const row = tables.meta.get(key)
  return row === undefined ? undefined : unsealed(key, row, 'when the node was last alive').readDoubleLE(0)
}

export function aliveOp(tables: Tables, at: number): Op {
  const payload = Buffer.allocUnsafe(8)
  payload.writeDoubleLE(at)
  return { table: tables.meta, key, value: sealed(key, payload) }
}
