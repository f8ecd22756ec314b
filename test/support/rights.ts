/** What a server lets a connection do, as the server itself says it. */
import type { NatsConnection } from '@nats-io/transport-node'

const waitMs = 20_000

/** Whether it may publish there; what the server refuses it says to the connection. */
export async function mayPublish(connection: NatsConnection, subject: string): Promise<boolean> {
  const problem = await connection.request(subject, '{"type":"BUY"}', { timeout: waitMs }).then(
    () => '',
    (error: unknown) => (error as Error).message,
  )
  if (/Permissions Violation/.test(problem)) return false
  // Allowed, though nobody may be there.
  if (problem === '' || /no responders/i.test(problem)) return true
  throw new Error(`${subject}: ${problem}`)
}

/**
 * Whether something is done there. Where rights name no stream, an account is what keeps others out:
 * it answers as if there were no such stream, or nobody is there at all.
 */
export async function isDone(connection: NatsConnection, subject: string): Promise<boolean> {
  try {
    const answer = await connection.request(subject, '{}', { timeout: waitMs })
    return !/"error":/.test(answer.string())
  } catch (error) {
    if (/Permissions Violation|no responders/i.test((error as Error).message)) return false
    throw error
  }
}
