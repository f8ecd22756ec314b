/**
 * What a law of the bus is written against: a world says how to connect to a realm of its own,
 * how a foreign client publishes, and how the server goes away.
 */
import { isFault } from '#protocol/fault.ts'
import type { Bus, BusState, LogEntry, Reading } from '#runtime/bus.ts'

export type BusWorld = {
  readonly bus: Bus
  connect: () => Promise<Bus>
  /** As any client of the server would, with headers. */
  publishBare: (subject: string, data: string, headers?: Record<string, string>) => Promise<void>
  /** Takes the server away from under every connection, without warning. */
  killServer: () => Promise<void>
  startServer: () => Promise<void>
}

export type BusContract = {
  readonly partitions: number
  setUp: () => Promise<void>
  tearDown: () => Promise<void>
  openWorld: (realm: string) => Promise<BusWorld & AsyncDisposable>
}

const utf8 = new TextEncoder()
export const bytes = (text: string): Uint8Array => utf8.encode(text)
export const textOf = (data: Uint8Array): string => new TextDecoder().decode(data)

/** Everything a reader has handed on, and a way to wait for more of it. */
export type Heard = Reading & {
  readonly entries: LogEntry[]
  readonly repairs: string[]
  until(isEnough: (entries: readonly LogEntry[]) => boolean): Promise<readonly LogEntry[]>
}

export async function listen(bus: Bus, filter: string, from = 1): Promise<Heard> {
  const entries: LogEntry[] = []
  const repairs: string[] = []
  const waiting = new Set<() => void>()
  const reading = await bus.read({
    filter,
    from,
    onEntry(entry) {
      entries.push(entry)
      for (const look of waiting) look()
    },
    onRepair: (reason) => void repairs.push(reason),
  })
  return {
    ...reading,
    entries,
    repairs,
    until: (isEnough) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!isEnough(entries)) return
          waiting.delete(look)
          resolve(entries)
        }
        waiting.add(look)
        look()
      }),
  }
}

export function stateOf(bus: Bus, wanted: BusState): Promise<void> {
  return new Promise((resolve) => {
    const watching = bus.onState((state) => {
      if (state !== wanted) return
      resolve()
      queueMicrotask(() => watching.stop())
    })
  })
}

/** The code of the fault that a promise ends with. */
export async function faultOf(promise: Promise<unknown>): Promise<{ code: string; details: Record<string, unknown> }> {
  try {
    await promise
  } catch (error) {
    if (isFault(error)) return { code: error.code, details: error.details }
    throw error
  }
  return { code: 'none', details: {} }
}

export const textsOf = (entries: readonly LogEntry[]): string[] => entries.map((entry) => textOf(entry.data))
export const seqsOf = (entries: readonly LogEntry[]): number[] => entries.map((entry) => entry.seq)

/** One test in a world of its own. */
export type Law = (text: string, body: (world: BusWorld) => Promise<void>) => void
