/**
 * The timers of one owner, earliest first. An entry is never removed when its timer is
 * cancelled: it is a hint, checked against the state when it comes up, so arming and cancelling
 * cost nothing but this array.
 */
export type Heap<T> = {
  readonly size: number
  push(due: number, value: T): void
  /** The earliest instant, or nothing. */
  peek(): number | undefined
  pop(): T | undefined
  clear(): void
}

export function heapOf<T>(): Heap<T> {
  const dues: number[] = []
  const values: T[] = []
  const swap = (a: number, b: number): void => {
    const due = dues[a] as number
    const value = values[a] as T
    dues[a] = dues[b] as number
    values[a] = values[b] as T
    dues[b] = due
    values[b] = value
  }
  return {
    get size() {
      return dues.length
    },
    push(due, value) {
      let at = dues.push(due) - 1
      values.push(value)
      while (at > 0) {
        const parent = (at - 1) >> 1
        if ((dues[parent] as number) <= due) break
        swap(at, parent)
        at = parent
      }
    },
    peek: () => dues[0],
    pop() {
      if (dues.length === 0) return undefined
      const first = values[0]
      swap(0, dues.length - 1)
      dues.pop()
      values.pop()
      let at = 0
      for (;;) {
        const left = 2 * at + 1
        if (left >= dues.length) break
        const right = left + 1
        const least = right < dues.length && (dues[right] as number) < (dues[left] as number) ? right : left
        if ((dues[at] as number) <= (dues[least] as number)) break
        swap(at, least)
        at = least
      }
      return first
    },
    clear() {
      dues.length = 0
      values.length = 0
    },
  }
}
