/** Why a running process ends: one reason, the first, from wherever it comes. */
import type { Call } from './command.ts'
import type { Log } from './log.ts'

export type Why =
  | { readonly is: 'signal'; readonly signal: NodeJS.Signals }
  /** Somebody asked the node to stop: perdure drain. */
  | { readonly is: 'drained' }
  | { readonly is: 'error'; readonly error: unknown }

export type Ending = {
  readonly why: Promise<Why>
  /** Aborted when there is a reason: what is only being opened need not be finished. */
  readonly signal: AbortSignal
  end(why: Why): void
  stop(): void
}

export function openEnding(call: Call, log: Log): Ending {
  const reason = Promise.withResolvers<Why>()
  const aborter = new AbortController()
  const end = (why: Why): void => {
    reason.resolve(why)
    aborter.abort()
  }
  call.onInterrupt((signal) => {
    log.say('ending', 'info', `ending (${signal}); a second one would not wait`)
    end({ is: 'signal', signal })
  })
  // What an effect throws where nobody catches it may have left anything half done: the log has
  // everything, so the safest way on is to end in order and be started again.
  const onStray = (error: unknown): void => {
    log.say(
      'stray',
      'error',
      `an error that nothing caught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    end({ is: 'error', error })
  }
  process.on('uncaughtException', onStray)
  process.on('unhandledRejection', onStray)
  return {
    why: reason.promise,
    signal: aborter.signal,
    end,
    stop() {
      process.removeListener('uncaughtException', onStray)
      process.removeListener('unhandledRejection', onStray)
    },
  }
}
