/** How a failure is told: one or two plain sentences with their code, and no stack for a user's mistake. */
import { isFault, type StoredFault } from '#protocol/fault.ts'
import type { Output } from './output.ts'

export function complain(
  out: Output,
  error: unknown,
  { json, withStack }: { readonly json: boolean; readonly withStack: boolean },
): void {
  complainOf(out, told(error), json)
  if (withStack && error instanceof Error) out.note(error.stack ?? '')
}

/** Of a fault that was stored elsewhere, which is text and no error of this process. */
export function complainOf(
  out: Output,
  { code, message, details }: StoredFault & { readonly details?: object },
  json: boolean,
): void {
  if (json) out.note(JSON.stringify({ fault: { code, message, ...details } }))
  else out.note(`perdure: ${message} (${code})`)
}

function told(error: unknown): { readonly code: string; readonly message: string; readonly details: object } {
  // A server that answers and does not let us in any more: why is all that helps.
  if (isFault(error, 'bus.unreachable') && isFault(error.cause)) return told(error.cause)
  if (isFault(error)) return { code: error.code, message: error.message, details: { details: error.details } }
  const message = error instanceof Error ? error.message : String(error)
  const advice = 'This was not foreseen; --log-level debug (or PERDURE_LOG_LEVEL=debug) shows where it happened.'
  return { code: 'unexpected', message: `${message.replace(/[.\s]*$/, '')}. ${advice}`, details: {} }
}
