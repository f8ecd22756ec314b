/**
 * The secret that cuts of a realm are sealed and signed with: all of its nodes must have the same
 * one, or nobody could read what the others recorded. It serves "with a key from config,
 * environment or file". Invariant: a key is made only for a realm that has none, and never replaced.
 */
import { randomBytes } from 'node:crypto'
import { decode, encode } from '#protocol/codec.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import type { Registry } from '#runtime/bus.ts'
import { ensureSecretFile, readSecretFile } from '#runtime/server/secret-file.ts'

export type KeyPlace = {
  /** In hexadecimal digits, from the configuration or the environment. */
  readonly given: string | undefined
  readonly file: string
  /** A file that somebody named must be there. */
  readonly isNamed: boolean
}

const digits = /^[0-9a-fA-F]{64}$/

/** Nothing when there is none here. */
export async function readCutKey({ given, file, isNamed }: KeyPlace): Promise<Uint8Array | undefined> {
  if (given !== undefined) return Buffer.from(given, 'hex')
  const text = await readSecretFile(file)
  if (text !== undefined) return keyIn(file, text)
  if (!isNamed) return undefined
  throw new Fault('config.unreadable', { value: file, reason: 'there is no such file; cuts.keyFile names it' })
}

/** For a node; throws `cuts.otherKey` when the realm's cuts are sealed with a key that is not here. */
export async function ensureCutKey(
  notes: Registry,
  place: KeyPlace,
  nameOf: (secret: Uint8Array) => string,
): Promise<Uint8Array> {
  const known = await cutKeyNameIn(notes)
  let secret = await readCutKey(place)
  if (secret === undefined) {
    if (known !== undefined) throw new Fault('cuts.otherKey', { have: 'none', want: known })
    secret = await makeCutKey(place)
  }
  const keyName = nameOf(secret)
  const wanted = known ?? (await noteCutKey(notes, keyName))
  if (wanted !== keyName) throw new Fault('cuts.otherKey', { have: keyName, want: wanted })
  return secret
}

/** The one that is here, or a new one. */
export async function makeCutKey(place: KeyPlace): Promise<Uint8Array> {
  const known = await readCutKey(place)
  return known ?? keyIn(place.file, await ensureSecretFile(place.file, `${randomBytes(32).toString('hex')}\n`))
}

function keyIn(file: string, text: string): Uint8Array {
  const key = text.trim()
  if (digits.test(key)) return Buffer.from(key, 'hex')
  throw new Fault('config.unreadable', { value: file, reason: 'a key of cuts is 64 hexadecimal digits' })
}

const note = 'key'
const format = 1

/** Of the key that the realm's nodes have; nothing where none of them was ever there. */
export async function cutKeyNameIn(notes: Pick<Registry, 'get'>): Promise<string | undefined> {
  const bytes = await notes.get(note)
  return bytes && (decode(bytes) as [number, string])[1]
}

/** The first node of a realm says which key it is, or whoever makes the realm from a cut. */
export async function noteCutKey(notes: Registry, keyName: string): Promise<string> {
  try {
    await notes.put(note, encode([format, keyName]), 0)
    return keyName
  } catch (error) {
    if (!isFault(error, 'bus.conflict')) throw error
    return (await cutKeyNameIn(notes)) as string
  }
}
