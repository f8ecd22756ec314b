/**
 * The bus is all the runtime knows of a log: append one entry or several at once under a check,
 * read on from a position, ask for the last entry of a subject. Two implementations pass one
 * contract suite: NATS JetStream (`./nats/`), and memory (`./memory-bus.ts`) for tests in
 * virtual time. Invariants that both keep:
 *
 * - An append either is stored whole or not at all, and its promise says which, or says
 *   `bus.timeout` / `bus.unreachable`, which mean: unknown.
 * - Nothing is kept back in the client over a lost connection and sent later by itself.
 * - Entries arrive in log order; a gap in delivery is repaired by the reader itself before the
 *   next entry is handed on, from its own position.
 */
import type { Fork } from '#protocol/fork.ts'
import type { Realm } from '#protocol/realm.ts'

export type Entry = {
  readonly subject: string
  readonly data: Uint8Array
  /** Refuse unless the last entry of `subject` (by default the entry's own) has this sequence; 0: none yet. */
  readonly check?: { readonly seq: number; readonly subject?: string } | undefined
}

/** The sequence of the entry; of a batch, that of its last entry (all are contiguous). */
export type Placed = { readonly seq: number }

export type LogEntry = {
  readonly seq: number
  readonly subject: string
  readonly data: Uint8Array
  /** When the server stored it, in ms. */
  readonly at: number
  /** Of a bare publisher: header `perdure-id` or `Nats-Msg-Id`, and `traceparent`. */
  readonly id?: string | undefined
  readonly traceparent?: string | undefined
}

export type ReadOptions = {
  readonly filter: string
  /** The first sequence wanted. */
  readonly from: number
  /** Called in log order, synchronously, never again after stop(). */
  readonly onEntry: (entry: LogEntry) => void
  /** The reader found a gap or a stall and began again at its own position. */
  readonly onRepair?: (reason: string) => void
}

export type Reading = {
  /** Back-pressure: the server soon stops sending; entries already on the wire may still arrive. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

export type LogState = {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly entries: number
  readonly bytes: number
  /** The instant the stream was made: part of the log's identity. */
  readonly createdAt: string
}

/** Small named values with history. */
export type Registry = {
  get(key: string): Promise<Uint8Array | undefined>
  /** The value with the revision it has; 0 for one that never was put. */
  entry(key: string): Promise<{ readonly value: Uint8Array | undefined; readonly revision: number }>
  /** Only over that revision, if one is given (else `bus.conflict`); returns the new one. */
  put(key: string, value: Uint8Array, revision?: number): Promise<number>
  /** Of all keys, or of those under a prefix that ends with a dot; in their order. */
  all(prefix?: string): Promise<(readonly [key: string, value: Uint8Array])[]>
  /** What stood there at that instant of the server's clock; nothing when its history begins later. */
  asOf(key: string, instant: number): Promise<Uint8Array | undefined>
  /** The key with its history; that, too, is a change. */
  remove(key: string): Promise<void>
  /** Of the last change of any key, so that nobody reads all of them to find out that nothing changed. */
  revision(): Promise<number>
}

export type Blobs = {
  put(name: string, bytes: Uint8Array): Promise<void>
  /** Of a name that nobody has used, with the hash (SHA-256 in hex): half the way, where there are very many. */
  add(name: string, bytes: Uint8Array, hash: string): Promise<void>
  get(name: string): Promise<Uint8Array | undefined>
  remove(name: string): Promise<void>
  names(): Promise<string[]>
}

export type BusState = 'connected' | 'disconnected' | 'closed'

/** How the order in which the log was written and that of positions belong together. */
export type LogOrder = {
  positionOf(seq: number): number
  /** The last sequence at or before which nothing has a position after this one. */
  boundOf(position: number): number
  /** No entry up to that sequence has a higher one. */
  topOf(seq: number): number
  stored(seq: number): Promise<LogEntry | undefined>
  state(): Promise<LogState>
}

export interface Bus extends AsyncDisposable {
  readonly realm: Realm
  /** When the realm is a fork: of what, and what its effects and timers may do. */
  readonly fork?: Fork | undefined
  /** Where its sequences are positions (see core/incarnations.ts); elsewhere the two are the same. */
  readonly order?: LogOrder
  /** The largest payload the server takes, in bytes. */
  readonly maxPayload: number
  readonly replicas: number
  /** Whether every append is on disk before it is acknowledged. */
  readonly durability: 'process' | 'power'

  append(entry: Entry): Promise<Placed>
  /** 1 to 1000 entries, all or nothing, contiguous. */
  appendAll(entries: readonly Entry[]): Promise<Placed>
  read(options: ReadOptions): Promise<Reading>
  /** Reads from the leader: sees every append that was acknowledged before the call. */
  last(subject: string): Promise<LogEntry | undefined>
  get(seq: number): Promise<LogEntry | undefined>
  /** The first entry of a subject at or after a sequence; from the leader, too. */
  next(subject: string, from: number): Promise<LogEntry | undefined>
  /** The sequence of the last entry that matches a filter. */
  lastMatching(filter: string): Promise<number | undefined>
  /** Removes the entries that match, up to and including this sequence. */
  purge(filter: string, upTo: number): Promise<{ readonly removed: number }>
  /** Removes one entry; false when it was not there. */
  removeEntry(seq: number): Promise<boolean>
  logState(): Promise<LogState>
  /** Whether this generation takes nothing more: the realm is being restored, goes on in a later one, or is a fork that was removed. */
  isSuperseded(): Promise<boolean>

  /** Core request and reply: never stored, answered by whoever serves the subject now. */
  request(subject: string, data: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  serve(subject: string, answer: (data: Uint8Array) => Promise<Uint8Array> | Uint8Array): { stop(): void }
  /** Core publish and subscribe: live views, best effort. */
  tell(subject: string, data: Uint8Array): void
  hear(subject: string, on: (data: Uint8Array, subject: string) => void): { stop(): void }
  /** A subject that only this connection hears. */
  inbox(): string

  /** Kinds and their definitions. */
  readonly registry: Registry
  /** What is known of cuts, in short. */
  readonly notes: Registry
  /** Large named values of this generation: bases of partitions. */
  readonly blobs: Blobs
  /** The same for cuts, whatever the generation. */
  readonly cuts: Blobs

  /** Connection changes; called with the present state at once. */
  onState(on: (state: BusState) => void): { stop(): void }
  close(): Promise<void>
}
