/**
 * Which attempt to make the next generation counts: one small note in the registry, over which the
 * server decides. It serves "the realm is never half one, half the other". Invariants: a number is
 * given out once; an attempt is decided to be open only while no later number was given out, and
 * what was decided stays so.
 */
import { decode, encode } from '#protocol/codec.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import type { Registry } from '#runtime/bus.ts'

export type Attempt = { readonly generation: number; readonly isDecided: boolean }

type Read = { readonly attempt: Attempt | undefined; readonly revision: number }

const note = 'restore'
const format = 1
const triesMost = 20

export async function readAttempt(notes: Pick<Registry, 'entry'>): Promise<Read> {
  const { value, revision } = await notes.entry(note)
  if (value === undefined || value.length === 0) return { attempt: undefined, revision }
  const [, generation, isDecided] = decode(value) as [number, number, boolean]
  return { attempt: { generation, isDecided }, revision }
}

/** The one before, and the number that is this caller's alone. */
export async function reserveAttempt(
  notes: Pick<Registry, 'entry' | 'put'>,
  above: number,
): Promise<{ readonly before: Attempt | undefined; readonly generation: number }> {
  for (let tries = 1; ; tries++) {
    const { attempt: before, revision } = await readAttempt(notes)
    const generation = Math.max(above, before?.generation ?? 0) + 1
    try {
      await notes.put(note, encode([format, generation, false]), revision)
      return { before, generation }
    } catch (error) {
      // Somebody else took that number.
      if (!isFault(error, 'bus.conflict') || tries >= triesMost) throw error
    }
  }
}

export async function decideAttempt(notes: Pick<Registry, 'entry' | 'put'>, generation: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { attempt, revision } = await readAttempt(notes)
    if (attempt?.generation !== generation)
      throw new Fault('restore.overtaken', { have: generation, want: attempt?.generation ?? 'none' })
    if (attempt.isDecided) return
    try {
      await notes.put(note, encode([format, generation, true]), revision)
      return
    } catch (error) {
      if (!isFault(error, 'bus.conflict') || tries >= triesMost) throw error
    }
  }
}
