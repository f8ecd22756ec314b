/** How a failure is told: one or two plain sentences with their code, and no stack for a user's mistake. */
import { isFault } from '#protocol/fault.ts'
import type { Output } from './output.ts'

export function complain(
  out: Output,
  error: unknown,
  { json, withStack }: { readonly json: boolean; readonly withStack: boolean },
): void {
  const { code, message, details } = told(error)
  if (json) out.note(JSON.stringify({ fault: { code, message, ...details } }))
  else out.note(`perdure: ${message} (${code})`)
  if (withStack && error instanceof Error) out.note(error.stack ?? '')
}

function told(error: unknown): { readonly code: string; readonly message: string; readonly details: object } {
  if (isFault(error)) return { code: error.code, message: error.message, details: { details: error.details } }
  const message = error instanceof Error ? error.message : String(error)
  const advice = 'This was not foreseen; --log-level debug (or PERDURE_LOG_LEVEL=debug) shows where it happened.'
  return { code: 'unexpected', message: `${message.replace(/[.\s]*$/, '')}. ${advice}`, details: {} }
}
