/**
 * A fault is an expected failure with a code. The catalogue is data: each code has a verdict
 * (what the runtime does: try again, set the envelope aside, or let the partition go) and a
 * sentence that names the value, the limit and what to do next. `{name}` stands for a detail.
 */
import { faultCatalogue, type Verdict } from './fault-catalogue.ts'

export type { Verdict } from './fault-catalogue.ts'

export type FaultCode = keyof typeof faultCatalogue

export type FaultDetails = Readonly<Record<string, string | number | undefined>>

export class Fault extends Error {
  readonly code: FaultCode
  readonly verdict: Verdict
  readonly details: FaultDetails

  constructor(code: FaultCode, details: FaultDetails = {}, options?: ErrorOptions) {
    const [verdict, sentence] = faultCatalogue[code]
    super(
      sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
        const value = details[name]
        return value === undefined ? whole : String(value)
      }),
      options,
    )
    this.name = 'Fault'
    this.code = code
    this.verdict = verdict
    this.details = details
  }

  toJSON(): { code: FaultCode; message: string; details: FaultDetails } {
    return { code: this.code, message: this.message, details: this.details }
  }
}

export function isFault(error: unknown, code?: FaultCode): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code)
}

/** The code and sentence of any thrown value, as plain data that can be stored. */
export type StoredFault = { readonly code: string; readonly message: string; readonly stack?: string }

export function storedFaultOf(error: unknown): StoredFault {
  if (error instanceof Fault) {
    const stack = error.cause instanceof Error ? error.cause.stack : undefined
    return { code: error.code, message: error.message, ...(stack === undefined ? {} : { stack }) }
  }
  const { message, stack } = plainErrorOf(error)
  return { code: 'actor.threw', message, ...(stack === undefined ? {} : { stack }) }
}

/** Errors do not survive encoding as they are: keep what a person and a guard look at. */
export type PlainError = { readonly name: string; readonly message: string; readonly stack?: string }

export function plainErrorOf(error: unknown): PlainError {
  if (error instanceof Error) {
    return { name: error.name, message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) }
  }
  if (typeof error === 'string') return { name: 'Error', message: error }
  let text: string
  try {
    text = JSON.stringify(error) ?? String(error)
  } catch {
    text = String(error)
  }
  return { name: 'Error', message: text }
}

/** What was thrown, in words. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
