/** What a test holds back and lets through: for effects that end when the test says so. */
type Gate = { readonly promise: Promise<unknown>; open(value: unknown): void; fail(error: unknown): void }

let gates = new Map<string, Gate>()
let noted: unknown[] = []

function gateNamed(name: string): Gate {
  const known = gates.get(name)
  if (known !== undefined) return known
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  // It may fail before anybody waits for it.
  promise.catch(() => undefined)
  const made: Gate = { promise, open: resolve, fail: reject }
  gates.set(name, made)
  return made
}

/** For promise logic: settles when the test says so, also in a run that began after that. */
export function gate(name: string): Promise<unknown> {
  return gateNamed(name).promise
}

export function openGate(name: string, value?: unknown): void {
  gateNamed(name).open(value)
}

export function failGate(name: string, error: unknown): void {
  gateNamed(name).fail(error)
}

/** For named actions and other logic with effects: what was run, in order. */
export function note(what: unknown): void {
  noted.push(what)
}

export function notes(): readonly unknown[] {
  return noted
}

export function resetGates(): void {
  gates = new Map()
  noted = []
}
