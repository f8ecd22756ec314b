/**
 * Who is there, from what was heard and for how long not. Pure: the loop gives it the instants.
 * Invariants: of two lives under one name the later one counts; who said goodbye is gone at once;
 * who is only silent is asked first.
 */
import type { Heartbeat } from '#protocol/heartbeat.ts'

export type Member = {
  readonly heartbeat: Heartbeat
  readonly heardAt: number
}

export type Members = ReadonlyMap<string, Member>

export function onHeard(members: Members, heartbeat: Heartbeat, now: number): Members {
  const known = members.get(heartbeat.name)?.heartbeat
  if (known !== undefined && isLater(known, heartbeat)) return members
  const next = new Map(members)
  // The last word stays until it is forgotten, so that a heartbeat on its way does not bring the node back.
  next.set(heartbeat.name, { heartbeat, heardAt: now })
  return next
}

/** Nobody answers under its name any more. */
export function onGone(members: Members, name: string, life: string): Members {
  const known = members.get(name)
  if (known === undefined || known.heartbeat.life !== life || known.heartbeat.phase === 'gone') return members
  const next = new Map(members)
  next.set(name, { ...known, heartbeat: { ...known.heartbeat, phase: 'gone', owned: [], followed: [] } })
  return next
}

export type Silence = { readonly suspectMs: number; readonly deadMs: number; readonly forgetMs: number }

/** Those to be asked whether they live, and the members without those who were silent for too long. */
export function onSilence(
  members: Members,
  now: number,
  { suspectMs, deadMs, forgetMs }: Silence,
): { readonly members: Members; readonly suspects: readonly Heartbeat[] } {
  const suspects: Heartbeat[] = []
  let next = members
  for (const [name, { heartbeat, heardAt }] of members) {
    const silent = now - heardAt
    if (heartbeat.phase === 'gone') {
      if (silent > forgetMs) {
        const fewer = new Map(next)
        fewer.delete(name)
        next = fewer
      }
    } else if (silent > deadMs) next = onGone(next, name, heartbeat.life)
    else if (silent > suspectMs) suspects.push(heartbeat)
  }
  return { members: next, suspects }
}

export function living(members: Members): Heartbeat[] {
  return [...members.values()].flatMap(({ heartbeat }) => (heartbeat.phase === 'gone' ? [] : [heartbeat]))
}

/** Whether the first is newer than the second, of the same name. */
function isLater(known: Heartbeat, other: Heartbeat): boolean {
  if (known.life === other.life) return known.beat >= other.beat
  return known.since === other.since ? known.life > other.life : known.since > other.since
}
