/**
 * A node hears that its generation takes nothing more, and lets go before anybody waits for it. It
 * serves "anything still alive from before is refused". Invariant: what is told is a reason to look
 * at the log's own state, and nothing more; a node at rest looks now and then, and finds it alone.
 */
import { Fault } from '#protocol/fault.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'

export type GenerationHearing = {
  /** There is a reason to. */
  look(): void
  stop(): void
}

type World = { readonly bus: Bus; readonly clock: Clock; readonly onSuperseded: (fault: Fault) => void }

export function hearGeneration(
  { bus, clock, onSuperseded }: World,
  { claimLookMs }: { readonly claimLookMs: number },
): GenerationHearing {
  const { name, generation } = bus.realm
  let isStopped = false
  let looking: Promise<void> | undefined
  let alarm: { cancel(): void } | undefined

  async function lookOnce(): Promise<void> {
    // What cannot be asked now is asked next time; until then every append is refused.
    const isOver = await bus.isSuperseded().catch(() => false)
    if (isStopped || !isOver) return
    stop()
    onSuperseded(new Fault('realm.superseded', { value: name, have: generation }))
  }

  function look(): void {
    if (isStopped) return
    looking ??= lookOnce().finally(() => (looking = undefined))
  }

  function again(): void {
    alarm = clock.at(clock.now() + claimLookMs, () => {
      look()
      if (!isStopped) again()
    })
  }

  function stop(): void {
    isStopped = true
    alarm?.cancel()
    hearing.stop()
    connection.stop()
  }

  const hearing = bus.hear(subjects.generation(bus.realm), look)
  let isFirst = true
  const connection = bus.onState((state) => {
    // What was told meanwhile was not heard.
    if (state === 'connected' && !isFirst) look()
    isFirst = false
  })
  again()
  return { look, stop }
}
