/**
 * What keeps an actor awake although nothing arrives for it, in a row of its own beside the actor's. It
 * serves the clause "LMDB follows the log". Invariant: an actor that needs nothing has no such row.
 */
import { sealed, unsealed } from './sealed.ts'
import type { Needs } from './store.ts'
import type { Op, Tables, View } from './tables.ts'

const noNeeds: Needs = {}

export function isNeedy({ due, effects, subscribed }: Needs): boolean {
  return due !== undefined || effects === true || subscribed === true
}

export function readNeeds(tables: Tables, key: Buffer, view: View): Needs {
  const row = tables.needs.get(key, { transaction: view })
  return row === undefined ? noNeeds : decodeNeeds(key, row)
}

export function needsOp(tables: Tables, key: Buffer, needs: Needs): Op {
  return { table: tables.needs, key, value: encodeNeeds(key, needs) }
}

function encodeNeeds(key: Buffer, { due, effects, subscribed }: Needs): Buffer {
  const payload = Buffer.alloc(due === undefined ? 1 : 9)
  payload[0] = (due === undefined ? 0 : 1) | (effects ? 2 : 0) | (subscribed ? 4 : 0)
  if (due !== undefined) payload.writeDoubleLE(due, 1)
  return sealed(key, payload)
}

export function decodeNeeds(key: Uint8Array, row: Buffer): Needs {
  const payload = unsealed(key, row, 'what keeps an actor awake')
  const flags = payload[0] as number
  return {
    ...(flags & 1 ? { due: payload.readDoubleLE(1) } : {}),
    ...(flags & 2 ? { effects: true } : {}),
    ...(flags & 4 ? { subscribed: true } : {}),
  }
}
