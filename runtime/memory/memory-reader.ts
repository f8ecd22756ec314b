/**
 * Reading the memory log. Server and reader are kept apart as they are in life: the one sends
 * entries and counts them, the other compares the counts and begins again at its own position
 * after a gap, so that a simulation may lose and repeat deliveries.
 */
import type { LogEntry, Reading, ReadOptions } from '#runtime/bus.ts'
import { type Log, matcherOf } from './memory-log.ts'
import type { Wire } from './memory-wire.ts'

export type MemoryReading = Reading & { notice(subject: string): void }

/** So that a long backlog and the appends it causes take turns. */
const runLength = 64

export function openMemoryReader(
  log: Log,
  wire: Wire,
  { filter, from, onEntry, onRepair }: ReadOptions,
): MemoryReading {
  const isWanted = matcherOf(filter)
  /** The first sequence not yet handed on. */
  let next = Math.max(1, from)
  let paused = false
  let stopped = false

  /** The server's side of one life of the consumer, and our count of what came. */
  let life = { cursor: next, sent: 0, came: 0 }
  let running = false

  const isOn = (): boolean => !stopped && !paused && wire.state() === 'connected'

  function wake(): void {
    if (running || !isOn()) return
    running = true
    wire.arrive(run)
  }

  function run(): void {
    running = false
    for (let left = runLength; left > 0 && isOn(); left--) {
      const entry = log.nextOf(isWanted, life.cursor)
      if (entry === undefined) return atEnd()
      life.cursor = entry.seq + 1
      life.sent++
      const outcome = wire.ask({ is: 'deliver', filter, seq: entry.seq, subject: entry.subject })
      if (outcome === 'lose') continue
      const mine = life
      receive(entry, life.sent)
      // The server may send an entry twice; the reader's position refuses the second.
      if (outcome === 'duplicate' && life === mine) receive(entry, ++life.sent)
    }
    wake()
  }

  /** A loss at the very end is told by the heartbeat. */
  function atEnd(): void {
    if (life.sent > life.came) mend(`${life.sent} were sent, ${life.came} came`)
  }

  function receive(entry: LogEntry, count: number): void {
    if (count !== life.came + 1) return mend(`delivery ${count} came after ${life.came}`)
    life.came = count
    if (entry.seq < next) return
    next = entry.seq + 1
    onEntry(entry)
  }

  function mend(reason: string): void {
    if (stopped) return
    life = { cursor: next, sent: 0, came: 0 }
    onRepair?.(reason)
    wake()
  }

  let isFirstState = true
  const connection = wire.onState((state) => {
    if (isFirstState) isFirstState = false
    else if (state === 'connected') mend('the connection was lost')
    // A run that was on its way when the wire was cut never arrives.
    else running = false
  })
  wake()
  return {
    notice(subject) {
      if (isWanted(subject)) wake()
    },
    pause() {
      paused = true
    },
    resume() {
      paused = false
      wake()
    },
    async stop() {
      stopped = true
      connection.stop()
    },
  }
}
