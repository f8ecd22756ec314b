/**
 * When a timer is due. Its stored instant is a lower bound; what a restart adds to it is the
 * timer's own policy: fire at once when the deadline passed, count only the time that the
 * partition had an owner, or begin again.
 */
import type { Timer } from '#protocol/state.ts'

export function dueOf(timer: Timer, around: { readonly awayMs: number; readonly openedAt: number }): number {
  switch (timer.policy) {
    case 'deadline':
      return timer.due
    case 'frozen':
      return timer.due + Math.max(0, around.awayMs - timer.awayMs)
    case 'restart':
      return timer.due - timer.delay >= around.openedAt ? timer.due : around.openedAt + timer.delay
  }
}
