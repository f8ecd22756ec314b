/** What a check found: how it stands, in a sentence, and what to do about it. */
export type Finding = {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly says: string
  /** For whoever reads `warn` or `fail`. */
  readonly fix?: string | undefined
}

export function ok(check: string, says: string): Finding {
  return { check, status: 'ok', says }
}

export function warn(check: string, says: string, fix: string): Finding {
  return { check, status: 'warn', says, fix }
}

export function fail(check: string, says: string, fix: string): Finding {
  return { check, status: 'fail', says, fix }
}
