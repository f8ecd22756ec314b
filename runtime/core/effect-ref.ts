/**
 * References to what runs for an actor: a promise, callback or observable. They serve the clause
 * "what the actor sent". In the step that begins an effect it has no id yet; a reference made
 * there names the spawn by its number, which is never given again, so it means the same for ever
 * and wherever it is kept or sent.
 */
import type { AnyEvent } from '#protocol/envelope.ts'
import type { Book } from '#protocol/state.ts'
import type { Making } from './making.ts'

export function earlyEffectId(spawn: number, id: string): string {
  return `~${spawn}~${id}`
}

/** The effect's own id; nothing when that spawn is no longer the actor's child. */
export function effectIdOf(children: Book['children'], effectId: string): string | undefined {
  if (!effectId.startsWith('~')) return effectId
  // Earlier releases wrote the child's id alone, for whatever runs under it.
  const [, spawn, id = effectId.slice(1)] = /^~(\d+)~([^]*)$/.exec(effectId) ?? []
  const child = children?.[id]
  return spawn === undefined || child?.spawn === Number(spawn) ? child?.effect : undefined
}

/** Whether a reference, however early it was made, means the effect of this id. */
export function isSameEffect(children: Book['children'], id: string | undefined, ref: string | undefined): boolean {
  return id === ref || (id !== undefined && ref !== undefined && id === effectIdOf(children, ref))
}

/** An event of another actor for what runs here. As in XState, what has ended hears nothing. */
export function onTell(making: Making, content: { readonly effect: string; readonly event: AnyEvent }): void {
  const { children, effects } = making.live.book
  const effect = effectIdOf(children, content.effect)
  if (effect === undefined || effects?.[effect] === undefined) making.mark = 'stale'
  else making.deeds.push({ is: 'tell', effect, event: content.event })
}
