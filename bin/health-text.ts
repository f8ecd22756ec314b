/** An actor's health in the fewest words that say what to do about it. */
import type { Health, Wait } from '#runtime/core/health.ts'
import { dueText } from './layout.ts'
import type { Output, Style } from './output.ts'

export function healthText(health: Health, now: number): string {
  switch (health.is) {
    case 'progressing':
      return health.queued === 0 ? 'progressing' : `progressing, ${health.queued} waiting`
    case 'waiting': {
      const [first, ...rest] = health.on
      return `waiting for ${waitText(first, now)}${rest.length === 0 ? '' : `, ${rest.length} more`}`
    }
    case 'blocked':
      return `blocked: ${health.reason}`
    case 'poisoned':
      return `poisoned: ${health.parked} parked`
    case 'ended':
      return `ended: ${health.reason}`
  }
}

export function waitText(wait: Wait, now: number): string {
  switch (wait.is) {
    case 'timer':
      return `timer ${shortTimer(wait.name)} ${dueText(wait.due, now)}`
    case 'effect':
      return `effect ${wait.name}${wait.notBefore === undefined ? '' : `, attempt ${wait.attempt} ${dueText(wait.notBefore, now)}`}`
    case 'child':
      return `child ${wait.id}`
    case 'event':
      return 'an event'
  }
}

/** XState calls a delay `xstate.after.<delay>.<state>`: of that, people wrote the delay. */
export function shortTimer(name: string): string {
  return /^xstate\.after\.([^.]+)\./.exec(name)?.[1] ?? name
}

const styles: Readonly<Record<Health['is'], Style>> = {
  progressing: 'green',
  waiting: 'green',
  blocked: 'red',
  poisoned: 'yellow',
  ended: 'dim',
}

export function paintedHealth(out: Output, health: Health, now: number): string {
  return out.style(styles[health.is], healthText(health, now))
}
