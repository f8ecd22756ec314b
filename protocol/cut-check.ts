/**
 * What was found when a cut was looked at: circles of actors that wait for each other, waits for
 * somebody who is not there, and whether what must hold does. It stands beside the cut's note in the
 * registry, so that a list need not open cuts.
 */
import type { Address } from './address.ts'
import { decode, encode, encodeTree } from './codec.ts'
import { checkFormat, reading } from './cut-format.ts'

const format = 1

/** What one invariant may keep, encoded: all of them share one entry of the registry. */
export const keptMost = 64 * 1024

/** One actor waits until another takes what it asked or told it. */
export type Wait = {
  readonly from: Address
  readonly for: Address
  /** It asked, and is not answered; or what it sent waits there for a state that handles it. */
  readonly how: 'asked' | 'deferred'
  readonly what: string
  readonly since: number
}

/** Actors each of which waits for the next, the last one for the first; of a long one the first are named. */
export type Deadlock = { readonly cycle: readonly Wait[]; readonly length: number; readonly since: number }

/** Somebody waits for one that is not there. */
export type Orphan = {
  readonly address: Address
  readonly for: string
  readonly why: 'child never was' | 'parent is gone' | 'asker is gone'
  readonly since: number
}

export type InvariantResult = {
  readonly name: string
  /** Nothing when it could not be found out. */
  readonly holds: boolean | undefined
  /** What it said where it does not hold; the first ones. */
  readonly found: readonly string[]
  readonly fault: { readonly code: string; readonly message: string } | undefined
  readonly ms: number
  /** What it remembers for the next cut. */
  readonly kept?: unknown
}

export type CutCheck = {
  readonly cut: string
  readonly at: number
  readonly node: string
  readonly ms: number
  /** The first of them. */
  readonly deadlocks: readonly Deadlock[]
  readonly orphans: readonly Orphan[]
  /** How many there are. */
  readonly counts: { readonly deadlocks: number; readonly orphans: number }
  readonly invariants: readonly InvariantResult[]
}

/** Its name in the registry of notes. */
export function checkNoteOf(cut: string): string {
  return `check.${cut}`
}

export function encodeCutCheck(check: CutCheck): Uint8Array {
  const { cut, at, node, ms, deadlocks, orphans, counts, invariants } = check
  return encodeTree([
    ...[format, cut, at, node, ms],
    deadlocks.map(({ cycle, length, since }) => [
      cycle.map((wait) => [wait.from, wait.for, wait.how, wait.what, wait.since]),
      length,
      since,
    ]),
    orphans.map(({ address, for: other, why, since }) => [address, other, why, since]),
    [counts.deadlocks, counts.orphans],
    invariants.map(({ name, holds, found, fault, ms: took, kept }) => [
      name,
      holds ?? null,
      found,
      fault === undefined ? null : [fault.code, fault.message],
      took,
      // A value of the user's, in bytes of its own: it may hold an object twice.
      ...(kept === undefined ? [] : [encode(kept)]),
    ]),
  ])
}

export function decodeCutCheck(bytes: Uint8Array): CutCheck {
  return reading('a check', () => {
    const f = decode(bytes) as unknown[]
    checkFormat(f[0], 'a check of a cut', format)
    const [deadlocks, orphans] = f[7] as [number, number]
    return {
      cut: f[1] as string,
      at: f[2] as number,
      node: f[3] as string,
      ms: f[4] as number,
      deadlocks: (f[5] as [unknown[][], number, number][]).map(([cycle, length, since]) => ({
        cycle: cycle.map(waitOf),
        length,
        since,
      })),
      orphans: (f[6] as [Address, string, Orphan['why'], number][]).map(([address, other, why, since]) => ({
        ...{ address, why, since },
        for: other,
      })),
      counts: { deadlocks, orphans },
      invariants: (f[8] as unknown[][]).map(resultOf),
    }
  })
}

function waitOf(f: readonly unknown[]): Wait {
  return {
    from: f[0] as Address,
    for: f[1] as Address,
    how: f[2] as Wait['how'],
    what: f[3] as string,
    since: f[4] as number,
  }
}

function resultOf(f: readonly unknown[]): InvariantResult {
  const fault = f[3] as [string, string] | null
  return {
    name: f[0] as string,
    holds: (f[1] as boolean | null) ?? undefined,
    found: f[2] as string[],
    fault: fault === null ? undefined : { code: fault[0], message: fault[1] },
    ms: f[4] as number,
    ...(f[5] === undefined ? {} : { kept: decode(f[5] as Uint8Array) }),
  }
}
