/**
 * Which attempt to make the next generation counts: one small note in the registry, over which the
 * server decides. It serves "the realm is never half one, half the other". Invariants: a number is
 * given out once; an attempt is decided to be open only while no later number was given out, and
 * what was decided stays so.
 */
import { decode, encode } from '#protocol/codec.ts'
import { Fault } from '#protocol/fault.ts'
import type { Registry } from '#runtime/bus.ts'
import { changeEntry } from '#runtime/change-entry.ts'

export type Attempt = { readonly generation: number; readonly isDecided: boolean }

type Notes = Pick<Registry, 'entry' | 'put'>

const note = 'restore'
const format = 1

/** The one before, and the number that is this caller's alone. */
export async function reserveAttempt(
  notes: Notes,
  above: number,
): Promise<{ readonly before: Attempt | undefined; readonly generation: number }> {
  let before: Attempt | undefined
  let generation = 0
  await changeEntry(notes, note, (value) => {
    before = attemptIn(value)
    generation = Math.max(above, before?.generation ?? 0) + 1
    return encode([format, generation, false])
  })
  return { before, generation }
}

export async function decideAttempt(notes: Notes, generation: number): Promise<void> {
  await changeEntry(notes, note, (value) => {
    const attempt = attemptIn(value)
    if (attempt?.generation !== generation)
      throw new Fault('restore.overtaken', { have: generation, want: attempt?.generation ?? 'none' })
    return attempt.isDecided ? undefined : encode([format, generation, true])
  })
}

function attemptIn(value: Uint8Array | undefined): Attempt | undefined {
  if (value === undefined) return undefined
  const [, generation, isDecided] = decode(value) as [number, number, boolean]
  return { generation, isDecided }
}
