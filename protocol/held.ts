/**
 * Entries of the log as they were, kept beside the fold for the case that the log forgets them.
 * They serve the clause "one atomic commit to the realm's log". Invariant: what is read is what was
 * written, byte for byte; a chunk is laid out by copying and nothing else, because every commit
 * goes through here.
 */

/** As it stood on the log. `at` is 0 for one that this node appended itself. */
export type HeldEntry = {
  /** Its position. */
  readonly seq: number
  readonly subject: string
  readonly data: Uint8Array
  readonly at: number
  readonly id?: string | undefined
  readonly traceparent?: string | undefined
}

/** Of a chunk: format, and when it was made. */
const chunkHead = 9
/** Position, time, and the lengths of the three that follow. */
const entryHead = 8 + 8 + 2 + 2 + 4
const format = 1

export function encodeHeld(entries: readonly HeldEntry[], madeAt: number): Uint8Array {
  const extras = entries.map(extraOf)
  let size = chunkHead
  entries.forEach(({ subject, data }, at) => {
    size += entryHead + subject.length + data.length + Buffer.byteLength(extras[at] as string)
  })
  const bytes = Buffer.allocUnsafe(size)
  bytes[0] = format
  bytes.writeDoubleLE(madeAt, 1)
  let to = chunkHead
  entries.forEach(({ seq, at, subject, data }, index) => {
    const extra = extras[index] as string
    const extraLength = extra === '' ? 0 : bytes.write(extra, to + entryHead + subject.length, 'utf8')
    bytes.writeDoubleLE(seq, to)
    bytes.writeDoubleLE(at, to + 8)
    bytes.writeUInt16LE(subject.length, to + 16)
    bytes.writeUInt16LE(extraLength, to + 18)
    bytes.writeUInt32LE(data.length, to + 20)
    // Subjects are ASCII by construction.
    bytes.write(subject, to + entryHead, 'latin1')
    bytes.set(data, to + entryHead + subject.length + extraLength)
    to += entryHead + subject.length + extraLength + data.length
  })
  return bytes
}

function extraOf({ id, traceparent }: HeldEntry): string {
  return id === undefined && traceparent === undefined ? '' : JSON.stringify([id ?? null, traceparent ?? null])
}

export function heldAt(chunk: Uint8Array): number {
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).readDoubleLE(1)
}

/** Nothing of a format that this release does not know. */
export function decodeHeld(chunk: Uint8Array): HeldEntry[] {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
  const entries: HeldEntry[] = []
  if (bytes[0] !== format) return entries
  for (let at = chunkHead; at < bytes.length;) {
    const [subjectLength, extraLength] = [bytes.readUInt16LE(at + 16), bytes.readUInt16LE(at + 18)]
    const begin = at + entryHead
    const extraBegin = begin + subjectLength
    const dataBegin = extraBegin + extraLength
    const end = dataBegin + bytes.readUInt32LE(at + 20)
    const [id, traceparent] =
      extraLength === 0
        ? []
        : (JSON.parse(bytes.toString('utf8', extraBegin, dataBegin)) as [string | null, string | null])
    entries.push({
      seq: bytes.readDoubleLE(at),
      at: bytes.readDoubleLE(at + 8),
      subject: bytes.toString('latin1', begin, extraBegin),
      data: bytes.subarray(dataBegin, end),
      ...(typeof id === 'string' ? { id } : {}),
      ...(typeof traceparent === 'string' ? { traceparent } : {}),
    })
    at = end
  }
  return entries
}
