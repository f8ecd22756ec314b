/** What is appended together: as many as a batch holds beside its head, and no more bytes than a server takes well. */

/** The head of a batch aside. */
const batchEntries = 900
/** A server holds a batch in memory until its end. */
const batchBytes = 8 * 1024 * 1024

export async function* batchesOf<T>(
  all: AsyncIterable<T> | Iterable<T>,
  bytesOf: (one: T) => number,
): AsyncGenerator<readonly T[]> {
  let batch: T[] = []
  let bytes = 0
  for await (const one of all) {
    const more = bytesOf(one)
    if (batch.length > 0 && (batch.length >= batchEntries || bytes + more > batchBytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(one)
    bytes += more
  }
  if (batch.length > 0) yield batch
}
