/**
 * Ctrl-C and SIGTERM. The first one asks for an orderly end, a second one does not wait for it.
 * npm and terminals each hand one Ctrl-C on, so two within a moment are one.
 */
const sameMs = 500
const heard = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export type Signals = { stop(): void }

export function hearSignals(
  first: (signal: NodeJS.Signals) => void,
  second: (signal: NodeJS.Signals) => void,
): Signals {
  let firstAt: number | undefined
  const on = (signal: NodeJS.Signals): void => {
    const now = performance.now()
    if (firstAt === undefined) {
      firstAt = now
      first(signal)
    } else if (now - firstAt > sameMs) {
      second(signal)
    }
  }
  for (const signal of heard) process.on(signal, on)
  return {
    stop() {
      for (const signal of heard) process.removeListener(signal, on)
    },
  }
}
