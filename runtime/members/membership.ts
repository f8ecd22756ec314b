/**
 * Who else runs this realm: tells the others that this node lives and what it has, hears the same
 * of them, and asks those that fall silent. Invariant: what it says may be wrong for a while and
 * costs a detour then; no commit rests on it.
 */
import { nuid } from '@nats-io/nats-core'
import { tokenOf } from '#protocol/address.ts'
import { encode } from '#protocol/codec.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { decodeHeartbeat, encodeHeartbeat, type Heartbeat } from '#protocol/heartbeat.ts'
import { subjects } from '#protocol/subject.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import { living, type Members, onGone, onHeard, onSilence } from '#runtime/core/members.ts'
import { trace } from '#runtime/trace.ts'

export type MembershipOptions = {
  readonly name: string
  readonly beatMs: number
  /** Silent for so long: it is asked whether it lives, and when nobody answers for it, it is gone. */
  readonly suspectMs: number
  /** Silent for so long: it is gone, even if something answers for its connection. */
  readonly deadMs: number
}

/** What a heartbeat says besides who says it. */
export type Said = Omit<Heartbeat, 'name' | 'life' | 'since' | 'beat'>

export type Membership = {
  self(): Heartbeat
  /** Those that live, without this node. */
  others(): readonly Heartbeat[]
  /** When another node was last heard; in the beginning, when this one joined. */
  heardAt(): number
  /** Says now what changed, instead of at the next beat. */
  announce(): void
  /** Says the last word. */
  leave(): void
}

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly say: () => Said
  /** Somebody came, went or said something new. */
  readonly onChange: () => void
  /** A later life under this name runs. */
  readonly onReplaced: (fault: Fault) => void
}

/** How much longer than the first answer of the others the rest of them may take. */
const rollFactor = 3
const rollLeastMs = 30
const forgetMs = 60_000
const nothing = new Uint8Array()

export async function joinRealm(world: World, options: MembershipOptions): Promise<Membership> {
  const { bus, clock } = world
  const { name, beatMs } = options
  const { realm } = bus
  const own = { name, life: nuid.next(), since: clock.now() }
  const token = tokenOf(name)
  const asked = new Set<string>()
  let members: Members = new Map()
  let beat = 0
  let isOver = false
  let isUp = true
  let isJoined = false
  let isTaken = false
  let isReplaced = false
  let lastBeat = clock.now()
  let heardAt = clock.now()
  let alarm: { cancel(): void } | undefined
  const serving: { stop(): void }[] = []

  function self(): Heartbeat {
    return { ...own, beat, ...world.say() }
  }

  function announce(): void {
    if (isOver) return
    beat++
    bus.tell(subjects.node(realm, token), encodeHeartbeat(self()))
  }

  function hear(data: Uint8Array): void {
    const heartbeat = decodeHeartbeat(data)
    if (heartbeat.life === own.life || isOver) return
    if (heartbeat.name === name) return onNamesake(heartbeat)
    const before = members
    heardAt = clock.now()
    members = onHeard(members, heartbeat, clock.now())
    if (members === before) return
    const known = before.get(heartbeat.name)?.heartbeat
    if (known?.life !== heartbeat.life || known.phase !== heartbeat.phase)
      trace({ is: 'member', node: heartbeat.name, phase: heartbeat.phase })
    world.onChange()
  }

  function onNamesake(other: Heartbeat): void {
    if (other.phase === 'gone') return
    isTaken = true
    if (!isJoined) return
    const isLater = other.since === own.since ? other.life > own.life : other.since > own.since
    if (!isLater || isReplaced) return
    isReplaced = true
    world.onReplaced(new Fault('node.replaced', { value: name }))
  }

  function keepTime(): void {
    if (isOver) return
    const now = clock.now()
    // A process that stood still has not listened: what it did not hear says nothing of the others.
    if (now - lastBeat > options.suspectMs || !isUp) refresh(now)
    lastBeat = now
    announce()
    const { members: left, suspects } = onSilence(members, now, { ...options, forgetMs })
    become(left)
    for (const suspect of suspects) void ask(suspect)
    alarm = clock.at(now + beatMs, keepTime)
  }

  function refresh(now: number): void {
    members = new Map([...members].map(([one, member]) => [one, { ...member, heardAt: now }]))
  }

  function become(next: Members): void {
    if (next === members) return
    for (const [one, { heartbeat }] of next) {
      if (heartbeat.phase === 'gone' && members.get(one)?.heartbeat.phase !== 'gone')
        trace({ is: 'member', node: one, phase: 'gone' })
    }
    members = next
    world.onChange()
  }

  /** A process that was killed took its subscriptions with it, and the server says so at once. */
  async function ask({ name: other, life }: Heartbeat): Promise<void> {
    if (asked.has(life)) return
    asked.add(life)
    try {
      await bus.request(subjects.ping(realm, tokenOf(other)), nothing, options.deadMs)
    } catch (error) {
      if (isFault(error, 'bus.nobody') && !isOver) become(onGone(members, other, life))
    } finally {
      asked.delete(life)
    }
  }

  /** Resolves when those who are there had the time to say so; at once when nobody is. */
  async function callTheRoll(): Promise<void> {
    const begunAt = clock.now()
    try {
      await bus.request(subjects.roll(realm), nothing, options.deadMs)
    } catch (error) {
      if (isFault(error, 'bus.nobody')) return
      if (!isFault(error, 'bus.timeout') && !isFault(error, 'bus.refused')) throw error
    }
    const waitMs = Math.max(rollLeastMs, rollFactor * (clock.now() - begunAt))
    await pause(clock, waitMs)
  }

  serving.push(
    bus.hear(subjects.node(realm, '*'), (data) => {
      try {
        hear(data)
      } catch (error) {
        // Of a release that speaks otherwise: it is seen and left alone.
        if (!isFault(error)) throw error
      }
    }),
  )
  await callTheRoll()
  if (isTaken) {
    for (const one of serving) one.stop()
    throw new Fault('node.nameTaken', { value: name })
  }
  serving.push(
    // The time here, for those who compare clocks.
    bus.serve(subjects.ping(realm, token), () => encode(clock.now())),
    bus.serve(subjects.roll(realm), () => {
      announce()
      return nothing
    }),
    bus.onState((state) => {
      isUp = state === 'connected'
    }),
  )
  isJoined = true
  keepTime()

  return {
    self,
    others: () => living(members),
    heardAt: () => heardAt,
    announce,
    leave() {
      if (isOver) return
      announce()
      isOver = true
      alarm?.cancel()
      for (const one of serving) one.stop()
    },
  }
}
