/**
 * A log that came back shorter is mended before anything else is written to it. It serves the
 * clause "one atomic commit to the realm's log". Invariants: while it is being mended this node
 * owns nothing in memory and claims nothing; it waits until all that live do the same, so that
 * nothing that one of them holds is forgotten; then the first by name appends again what was lost.
 */
import { tokenOf } from '#protocol/address.ts'
import { Fault, isFault, storedFaultOf } from '#protocol/fault.ts'
import { decodeHeld, encodeHeld, type HeldEntry } from '#protocol/held.ts'
import type { Heartbeat } from '#protocol/heartbeat.ts'
import { subjects } from '#protocol/subject.ts'
import type { Store } from '#store/store.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { incarnationOf } from '#runtime/core/incarnations.ts'
import {
  commonIncarnation,
  endedBefore,
  furthestOf,
  goesOnFrom,
  isSameTable,
  type Table,
} from '#runtime/core/mend-row.ts'
import type { Follower } from '#runtime/members/follower.ts'
import type { Folder } from '#runtime/partition/folder.ts'
import {
  decodeHead,
  decodePage,
  decodeQuestion,
  encodeHead,
  encodePage,
  encodeQuestion,
  headOf,
  heldBehind,
  heldTable,
  type HeldWorld,
  type MendQuestion,
} from './mend-held.ts'
import { forgetHeld, holdTable } from './hold-table.ts'
import { mendLog, type Peer } from './mend-log.ts'
import type { Owners } from '#runtime/members/owners.ts'
import type { PlacedLog } from './placed-log.ts'
import { trace } from '#runtime/trace.ts'
import { isLandmark, type LogWatch } from './verify-log.ts'

export type MendOptions = {
  readonly name: string
  readonly retryMs: number
  readonly deadMs: number
  /** 0: nothing is held, and a log that is shorter ends the node. */
  readonly mendKeepMs: number
}

export type Mending = {
  readonly isActive: boolean
  /** How often the log was mended, as this node knows it. */
  readonly incarnation: number
  /** Resolves when the log is whole again, rejects when it cannot be. */
  begin(fault: Fault): Promise<void>
  /** Another node mends. */
  onOther(): void
  /** Before the first claim: a mending that nobody ended is ended, and what the log went on without is dropped. */
  open(): Promise<void>
  stop(): void
}

type World = {
  readonly raw: Bus
  readonly placed: PlacedLog
  readonly log: LogWatch
  readonly store: Store
  readonly clock: Clock
  readonly folder: Folder
  readonly owners: Owners
  readonly follower: Follower
  readonly others: () => readonly Heartbeat[]
  /** The phase that the others hear of. */
  readonly onActive: (isActive: boolean) => void
  readonly onUnmended: (fault: unknown) => void
}

export function mendingOf(world: World, options: MendOptions): Mending {
  const { raw, placed, log, store, clock, folder, owners, follower, others } = world
  let running: Promise<void> | undefined
  let isOver = false
  /** What the others hear; it rises when all is done, or they would take this node for one that finds the log shorter anew. */
  let incarnation = placed.places.incarnation
  /** Resolves when this node holds all that it ever will: whoever asks before that waits. */
  let letGo: Promise<unknown> = Promise.resolve()
  /** What was asked for last, in bytes, because it is fetched in pages. */
  let asked: { readonly after: number; readonly bytes: Uint8Array } | undefined

  /** What the positions in the store are of; not what the log has by now. */
  const ownTable = (): Table => heldTable(raw, store) ?? endedBefore(placed.table)

  async function answer(question: MendQuestion): Promise<Uint8Array> {
    await letGo
    const table = ownTable()
    const held: HeldWorld = { raw, store, table, by: question.by ?? furthestOf(await placed.look(), table) }
    if (question.is === 'head') return encodeHead(await headOf(held))
    if (question.from === 0 || asked?.after !== question.after)
      asked = { after: question.after, bytes: encodeHeld(heldBehind(held, question.after), clock.now()) }
    return encodePage(asked.bytes, question.from, Math.floor(raw.maxPayload / 2))
  }

  function peerOf({ name }: Heartbeat): Peer {
    const ask = (question: MendQuestion): Promise<Uint8Array> =>
      raw.request(subjects.mend(raw.realm, tokenOf(name)), encodeQuestion(question), options.deadMs * 4)
    return {
      head: async (by) => decodeHead(await ask({ is: 'head', by })),
      async held(after, by): Promise<HeldEntry[]> {
        const pages: Uint8Array[] = []
        let total = 1
        for (let from = 0; from < total;) {
          const page = decodePage(await ask({ is: 'held', by, after, from }))
          pages.push(page.bytes)
          from += page.bytes.length
          total = page.total
        }
        return decodeHeld(Buffer.concat(pages))
      },
    }
  }

  /** The first by name, when all that live have let go; those who were there get the time to come back. */
  function isTurn(missed: ReadonlySet<string>, waitUntil: number): boolean {
    const living = others()
    if (!living.every(({ phase }) => phase === 'mending')) return false
    if (clock.now() < waitUntil && ![...missed].every((name) => living.some((one) => one.name === name))) return false
    return living.every(({ name }) => options.name < name)
  }

  async function mend(fault: Fault): Promise<void> {
    const missed = new Set(others().map(({ name }) => name))
    log.suspend(fault)
    world.onActive(true)
    letGo = letAllGo()
    await letGo
    const table = ownTable()
    const waitUntil = clock.now() + options.deadMs * 2
    while (!isOver) {
      try {
        const row = await placed.look()
        const isMended = row !== undefined && !row.isOpen && !goesOnFrom(table, row)
        if (isMended || isTurn(missed, waitUntil)) {
          const peers = others().map(peerOf)
          placed.adopt(isMended ? row : await mendLog({ raw, store, clock, peers, node: options.name, table }))
          break
        }
      } catch (error) {
        // Another one mends, or is gone, or the server is away: it is looked at again.
        const isPassing = isFault(error) && (error.verdict === 'retry' || error.code === 'bus.conflict')
        if (!isPassing && !isFault(error, 'bus.nobody')) throw error
      }
      await pause(clock, options.retryMs * 5)
    }
    asked = undefined
    if (isOver) return
    await goBy(table)
    incarnation = placed.places.incarnation
    log.restart()
  }

  async function letAllGo(): Promise<void> {
    await owners.suspend()
    await follower.set(new Set())
    await folder.flush()
  }

  /** From now on this node goes by the table that the log has; `before`: what it went by. */
  async function goBy(before: Table): Promise<void> {
    const common = commonIncarnation(before, placed.table)
    await dropForked(common)
    // What is not on the log by now never will be.
    await forgetHeld(
      { store, clock },
      ({ seq }) => incarnationOf(seq) > common || placed.places.seqOf(seq) === undefined,
    )
    if (options.mendKeepMs > 0 && !isSameTable(heldTable(raw, store), placed.table))
      await holdTable({ raw, store, clock, placed })
  }

  /** What this node has folded and the log went on without cannot be taken up. */
  async function dropForked(common: number): Promise<void> {
    for (let partition = 0; partition < raw.realm.partitions; partition++) {
      const position = store.partition(partition)
      if (position === undefined || position.seq === 0) continue
      const seq = incarnationOf(position.seq) > common ? undefined : placed.places.seqOf(position.seq)
      const entry = seq === undefined ? undefined : await raw.get(seq)
      const { epoch, n } = position
      const isThere =
        seq !== undefined &&
        (entry === undefined ||
          isLandmark(entry, partition, { seq, epoch, n }) ||
          isLandmark(entry, partition, { seq, epoch, n: undefined }))
      if (isThere) continue
      const fault = new Fault('log.forked', { partition, have: n, want: n })
      trace({ is: 'log.forked', partition, fault: storedFaultOf(fault) })
      await store.dropPartition(partition)
    }
  }

  const serving = raw.serve(subjects.mend(raw.realm, tokenOf(options.name)), (data) => answer(decodeQuestion(data)))

  function begin(fault: Fault): Promise<void> {
    if (options.mendKeepMs === 0) return Promise.reject(fault)
    running ??= mend(fault).finally(() => {
      running = undefined
      if (!isOver) world.onActive(false)
    })
    return running
  }

  return {
    get isActive() {
      return running !== undefined
    },
    get incarnation() {
      return incarnation
    },
    begin,
    onOther() {
      if (running !== undefined || isOver || options.mendKeepMs === 0) return
      begin(new Fault('log.mending', { value: raw.realm.name })).catch(world.onUnmended)
    },
    async open() {
      const row = await placed.look()
      const table = ownTable()
      // One that nobody ended, or the log lost the very table that was held here.
      if (row?.isOpen === true || (goesOnFrom(table, row) && !isSameTable(table, row)))
        return await begin(new Fault('log.mending', { value: raw.realm.name }))
      if (row === undefined) return
      // Somebody may have ended it since this node began to start.
      if (!isSameTable(row, placed.table)) placed.adopt(row)
      await goBy(table)
      incarnation = placed.places.incarnation
    },
    stop() {
      isOver = true
      serving.stop()
    },
  }
}
