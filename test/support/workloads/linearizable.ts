/**
 * Whether the answers that several programs got from one register could have come from a register
 * that does one thing after the other, each somewhere between its question and its answer
 * (Wing and Gong's search, remembering what it has seen). A question without an answer may
 * have been heard at any later moment, or never.
 */
export type Operation = {
  /** Instants in one order for all programs. */
  readonly asked: number
  /** Infinite while there is no answer. */
  readonly answered: number
} & (
  | { readonly is: 'write'; readonly value: number }
  /** What was answered. */
  | { readonly is: 'read'; readonly value: number | undefined }
  | { readonly is: 'swap'; readonly from: number; readonly to: number; readonly done: boolean | undefined }
)

/** The register after it; nothing: it would have answered otherwise. */
function valueAfter(value: number, operation: Operation): number | undefined {
  const isOpen = operation.answered === Infinity
  switch (operation.is) {
    case 'write':
      return operation.value
    case 'read':
      return isOpen || operation.value === value ? value : undefined
    case 'swap': {
      const isDone = operation.from === value
      if (!isOpen && operation.done !== isDone) return undefined
      return isDone ? operation.to : value
    }
  }
}

export type Judgement = 'explained' | 'unexplained' | 'undecided'

/** Places that are looked at; questions without an answer multiply them. */
const placesMost = 20_000

export function judgementOf(history: readonly Operation[], initial: number): Judgement {
  // A read that was never answered says nothing.
  const operations = history
    .filter(({ is, answered }) => is !== 'read' || answered !== Infinity)
    .sort((one, other) => one.asked - other.asked)
  const closed = operations.reduce((mask, { answered }, at) => (answered === Infinity ? mask : mask | bit(at)), 0n)
  const tried = new Set<string>()

  /** `first`: what was asked before it is all taken. */
  function search(taken: bigint, value: number, first: number): boolean {
    if ((taken & closed) === closed) return true
    const place = `${taken} ${value}`
    if (tried.has(place) || tried.size > placesMost) return false
    tried.add(place)
    let firstAnswer = Infinity
    for (let at = first; at < operations.length; at++) {
      const operation = operations[at] as Operation
      if (operation.asked > firstAnswer) break
      if ((taken & bit(at)) === 0n) firstAnswer = Math.min(firstAnswer, operation.answered)
    }
    for (let at = first; at < operations.length; at++) {
      const operation = operations[at] as Operation
      if (operation.asked > firstAnswer) break
      if ((taken & bit(at)) !== 0n) continue
      const next = valueAfter(value, operation)
      if (next === undefined) continue
      const left = taken | bit(at)
      let from = first
      while ((left & bit(from)) !== 0n) from++
      if (search(left, next, from)) return true
    }
    return false
  }

  if (search(0n, initial, 0)) return 'explained'
  return tried.size > placesMost ? 'undecided' : 'unexplained'
}

const bit = (at: number): bigint => 1n << BigInt(at)

/** The shortest beginning that nothing explains, for whoever looks into it. */
export function unexplained(history: readonly Operation[], initial: number): readonly Operation[] {
  const ends = history.map(({ answered }) => answered).filter((at) => at !== Infinity)
  ends.sort((one, other) => one - other)
  const until = (end: number): Operation[] =>
    history
      .filter(({ asked }) => asked <= end)
      .map((one) => (one.answered <= end ? one : { ...one, answered: Infinity }))
  // Whatever explains a history explains its beginnings.
  let [low, high] = [0, ends.length - 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (judgementOf(until(ends[middle] as number), initial) === 'explained') low = middle + 1
    else high = middle
  }
  return until(ends[low] ?? Infinity)
}
