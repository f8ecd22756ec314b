/**
 * The mailboxes of a node, read together: the clause "an envelope arrives". A consumer for each
 * partition costs the server a third more for every entry than one for all of them: another
 * routine that wakes, and a search from where that one stood. So a node that reads most of a
 * realm's mailboxes, and has something to read, reads them all at once and hands each on.
 *
 * Invariant: a member gets its entries in log order, each once, whichever way they come: it joins
 * at an entry that both ways have brought, and reads alone again from behind the last it got.
 */
import type { LogEntry, Reading, ReadOptions } from '#runtime/bus.ts'
import { queueOf } from '#runtime/core/queue.ts'
import { numberAt } from './delivery.ts'

export type JointOptions = {
  /** What the subjects of all mailboxes begin with; a number and a dot follow. */
  readonly prefix: string
  readonly partitions: number
  /** One reading with a consumer of its own. */
  readonly open: (asked: ReadOptions) => Promise<Reading>
  readonly now: () => number
  readonly pause: (ms: number) => Promise<void>
}

export type JointReading = {
  /** Nothing when this filter is not that of one mailbox. */
  readonly read: (asked: ReadOptions) => Promise<Reading> | undefined
  close(): Promise<void>
}

type Member = {
  readonly asked: ReadOptions
  readonly held: ReturnType<typeof queueOf<LogEntry>>
  heldBytes: number
  /** The last sequence that was handed on. */
  last: number
  /** `away`: it was paused for longer than is held for it, and reads alone once it goes on. */
  way: 'alone' | 'joined' | 'away'
  own: Reading | undefined
  /** Of its readings alone only the latest counts. */
  turn: number
  isPaused: boolean
  isStopped: boolean
}

/** So much comes before it is worth a consumer more; a node at rest has none of this. */
const formAfter = 512
/** Fewer are as quick alone. */
const membersLeast = 4
/** What is kept for a member that reads alone still, or is paused. */
const heldMost = 1000
const heldBytesMost = 1 << 20
/** Who has not met the joint reading by then is far behind, and would only have everything sent twice. */
const judgeEvery = 4000
const restMs = 5_000
const againMs = { least: 25, most: 1_000 } as const

export function openJointReading({ prefix, partitions, open, now, pause }: JointOptions): JointReading {
  const members = new Map<number, Set<Member>>()
  const all = new Set<Member>()
  let joint: Reading | undefined
  let isForming = false
  let isClosed = false
  let handed = 0
  let brought = 0
  let restUntil = 0

  /** Whether this node reads so much of the realm that reading the rest of it as well is cheaper. */
  const isWorth = (): boolean => all.size >= membersLeast && 2 * all.size >= partitions

  function mailboxOf(filter: string): number | undefined {
    if (!filter.startsWith(prefix)) return undefined
    const rest = filter.slice(prefix.length)
    return /^\d+\.>$/.test(rest) ? Number.parseInt(rest, 10) : undefined
  }

  async function form(): Promise<void> {
    isForming = true
    try {
      joint = await open({
        filter: `${prefix}>`,
        // Behind what anybody alone has got: what lies before it nobody needs twice.
        from: Math.max(...[...all].map(({ last }) => last)) + 1,
        onEntry: onJoint,
        onRepair(reason) {
          for (const member of all) if (member.way === 'joined') member.asked.onRepair?.(reason)
        },
      })
    } catch {
      // Everybody reads alone, as before; it is tried again.
    }
    isForming = false
    brought = 0
    rest()
    if (isClosed || !isWorth()) dissolve()
  }

  function rest(): void {
    handed = 0
    restUntil = now() + restMs
  }

  function dissolve(): void {
    if (joint === undefined) return
    void joint.stop()
    joint = undefined
    rest()
    for (const member of all) {
      if (member.way === 'joined') leave(member)
      else drop(member)
    }
  }

  /** Of what comes while it is still being opened nothing is lost: those who read alone get it anyway. */
  function onJoint(entry: LogEntry): void {
    const found = members.get(numberAt(entry.subject, prefix.length))
    if (found !== undefined) for (const member of found) bring(member, entry)
    if (++brought % judgeEvery === 0) judge()
  }

  function judge(): void {
    let joined = 0
    for (const { way } of all) if (way === 'joined') joined++
    if (!isWorth() || 2 * joined < all.size) dissolve()
  }

  function bring(member: Member, entry: LogEntry): void {
    if (member.way === 'joined') {
      if (!member.isPaused && member.held.length === 0) return handOn(member, entry)
      if (!hold(member, entry)) leave(member)
    } else if (member.way === 'alone') {
      if (entry.seq === member.last) join(member)
      else if (entry.seq > member.last && !hold(member, entry)) drop(member)
    }
  }

  /** False when there is no room. */
  function hold(member: Member, entry: LogEntry): boolean {
    member.held.push(entry)
    member.heldBytes += entry.data.length
    return member.held.length <= heldMost && member.heldBytes <= heldBytesMost
  }

  function drop(member: Member): void {
    member.held.clear()
    member.heldBytes = 0
  }

  function handOn(member: Member, entry: LogEntry): void {
    member.last = entry.seq
    try {
      member.asked.onEntry(entry)
    } catch (error) {
      // Into the reading of all it would end the others with it.
      void stop(member)
      queueMicrotask(() => {
        throw error
      })
    }
  }

  function join(member: Member): void {
    member.way = 'joined'
    member.turn++
    void member.own?.stop()
    member.own = undefined
    handHeld(member)
  }

  function handHeld(member: Member): void {
    while (!member.isPaused && !member.isStopped) {
      const entry = takeHeld(member)
      if (entry === undefined) return
      handOn(member, entry)
    }
  }

  function takeHeld(member: Member): LogEntry | undefined {
    const entry = member.held.shift()
    member.heldBytes -= entry?.data.length ?? 0
    return entry
  }

  function leave(member: Member): void {
    drop(member)
    member.way = 'away'
    if (!member.isPaused && !isClosed) void goAlone(member)
  }

  /** Insists: a reading is patient by itself only once it has begun. */
  async function goAlone(member: Member): Promise<void> {
    member.way = 'alone'
    const turn = ++member.turn
    const isOver = (): boolean => member.isStopped || member.turn !== turn
    for (let tries = 0; !isOver(); tries++) {
      try {
        const own = await openAlone(member)
        if (isOver()) return await own.stop()
        member.own = own
        if (member.isPaused) own.pause()
        return
      } catch (error) {
        if (tries === 0) member.asked.onRepair?.(error instanceof Error ? error.message : String(error))
      }
      await pause(Math.min(againMs.most, againMs.least * 2 ** tries))
    }
  }

  async function openAlone(member: Member): Promise<Reading> {
    const { turn } = member
    return await open({
      ...member.asked,
      from: member.last + 1,
      onEntry: (entry) => {
        if (member.turn === turn && !member.isStopped) onOwn(member, entry)
      },
    })
  }

  function onOwn(member: Member, entry: LogEntry): void {
    const { seq } = entry
    member.last = seq
    member.asked.onEntry(entry)
    const isMet = (member.held.peek()?.seq ?? Infinity) <= seq
    while ((member.held.peek()?.seq ?? Infinity) <= seq) takeHeld(member)
    if (isMet) return join(member)
    if (++handed < formAfter || joint !== undefined || isForming || isClosed || !isWorth()) return
    if (now() < restUntil) handed = 0
    else void form()
  }

  async function stop(member: Member): Promise<void> {
    if (member.isStopped) return
    member.isStopped = true
    all.delete(member)
    for (const [mailbox, found] of members) if (found.delete(member) && found.size === 0) members.delete(mailbox)
    drop(member)
    await member.own?.stop()
    if (!isWorth()) dissolve()
  }

  async function begin(mailbox: number, asked: ReadOptions): Promise<Reading> {
    const member: Member = {
      asked,
      held: queueOf(),
      heldBytes: 0,
      last: Math.max(1, asked.from) - 1,
      way: 'alone',
      own: undefined,
      turn: 0,
      isPaused: false,
      isStopped: false,
    }
    member.own = await openAlone(member)
    all.add(member)
    const found = members.get(mailbox)
    if (found === undefined) members.set(mailbox, new Set([member]))
    else found.add(member)
    return {
      pause() {
        member.isPaused = true
        member.own?.pause()
      },
      resume() {
        member.isPaused = false
        member.own?.resume()
        if (member.way === 'joined') handHeld(member)
        else if (member.way === 'away') void goAlone(member)
      },
      stop: () => stop(member),
    }
  }

  return {
    read(asked) {
      const mailbox = mailboxOf(asked.filter)
      return mailbox === undefined ? undefined : begin(mailbox, asked)
    },
    async close() {
      isClosed = true
      for (const member of all) await stop(member)
      await joint?.stop()
    },
  }
}
