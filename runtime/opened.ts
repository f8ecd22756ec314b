/**
 * What is opened one after the other and closed together. Invariant: the last one is closed first,
 * and all of them are, also when one cannot be. The language's own stack for this begins with
 * Node 24, and what is published runs on 22.
 */
export interface Opened extends AsyncDisposable {
  /** From now on it is closed with the others. */
  use<T extends AsyncDisposable>(one: T): T
  [Symbol.asyncDispose](): Promise<void>
}

export function openedTogether(): Opened {
  const all: AsyncDisposable[] = []
  return {
    use(one) {
      all.push(one)
      return one
    },
    async [Symbol.asyncDispose]() {
      const failures: unknown[] = []
      for (let one = all.pop(); one !== undefined; one = all.pop()) {
        try {
          await one[Symbol.asyncDispose]()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
