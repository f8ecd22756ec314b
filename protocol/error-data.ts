/**
 * Errors as data: what a guard, a handler and a person look at (`name`, `message`, `stack`, `cause`, and
 * fields such as `code` or `status`) survives storage, so that an `onError` sees what it would
 * have seen in the same process. Fields that cannot be stored (sockets, functions, instances of
 * classes) are left out instead of making the whole error unstorable.
 */
export type ErrorData = readonly [
  name: string,
  message: string,
  stack: string | null,
  cause: unknown,
  fields: Readonly<Record<string, unknown>> | null,
  errors: readonly unknown[] | null,
]

const stackMost = 4000
const deepest = 6
const widest = 1000

const known: Readonly<Record<string, new (message: string) => Error>> = {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
}

export function errorDataOf(error: Error): ErrorData {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(error)) {
    if (name === 'name' || name === 'message' || name === 'stack' || name === 'cause' || name === 'errors') continue
    const sound = soundOf(value, 0)
    if (sound !== undefined) fields[name] = sound
  }
  // Whoever made it may have put anything into these.
  const { name, message, stack, cause } = error as { name: unknown; message: unknown; stack?: unknown; cause?: unknown }
  const errors = error instanceof AggregateError ? error.errors.map((one) => soundOf(one, 0)) : null
  return [
    String(name),
    String(message),
    typeof stack === 'string' ? stack.slice(0, stackMost) : null,
    cause === error ? null : (soundOf(cause, 0) ?? null),
    Object.keys(fields).length > 0 ? fields : null,
    errors,
  ]
}

export function errorOf([name, message, stack, cause, fields, errors]: ErrorData): Error {
  const Class = (Object.hasOwn(known, name) ? known[name] : undefined) ?? Error
  const error = errors !== null ? new AggregateError(errors, message) : new Class(message)
  if (error.name !== name) define(error, 'name', name)
  define(error, 'stack', stack ?? `${name}: ${message}`)
  if (cause !== null) define(error, 'cause', cause)
  return fields === null ? error : Object.assign(error, fields)
}

function define(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, writable: true, configurable: true, enumerable: false })
}

/** The part of a value that can be stored; undefined when there is none. */
function soundOf(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null)
    return typeof value === 'function' || typeof value === 'symbol' ? undefined : value
  if (value instanceof Error) return depth < deepest ? value : undefined
  if (value instanceof Date || ArrayBuffer.isView(value)) return value
  if (depth >= deepest) return undefined
  if (Array.isArray(value)) return value.slice(0, widest).map((one) => soundOf(one, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return undefined
  const sound: Record<string, unknown> = {}
  for (const [name, one] of Object.entries(value).slice(0, widest)) {
    const part = soundOf(one, depth + 1)
    if (part !== undefined) sound[name] = part
  }
  return sound
}
