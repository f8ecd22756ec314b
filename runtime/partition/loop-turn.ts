/**
 * Long work in slices, one of them in a turn of the event loop, whichever partition it is for. It
 * serves the clause "receive": while one owner takes up what it finds, the others go on. Invariant:
 * two slices of this process never come without the loop turning between them.
 */
let last = Promise.resolve()

/** Resolves when the next slice may begin. */
export function loopTurn(): Promise<void> {
  last = last.then(() => new Promise<void>((resolve) => setImmediate(resolve)))
  return last
}
