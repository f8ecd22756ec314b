/** First in, first out, without moving what waits: a head that runs along an array. */
export type Queue<T> = {
  readonly length: number
  push(value: T): void
  shift(): T | undefined
  peek(): T | undefined
  clear(): void
  [Symbol.iterator](): Iterator<T>
}

/** Beyond so many dead slots the array is cut. */
const cutAt = 4096

export function queueOf<T>(): Queue<T> {
  let values: T[] = []
  let head = 0
  return {
    get length() {
      return values.length - head
    },
    push: (value) => void values.push(value),
    shift() {
      if (head === values.length) return undefined
      const value = values[head] as T
      head++
      if (head === values.length) {
        values.length = 0
        head = 0
      } else if (head > cutAt) {
        values = values.slice(head)
        head = 0
      }
      return value
    },
    peek: () => values[head],
    clear() {
      values.length = 0
      head = 0
    },
    *[Symbol.iterator]() {
      for (let at = head; at < values.length; at++) yield values[at] as T
    },
  }
}
