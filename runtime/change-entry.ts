/**
 * Changes one entry of a registry over what stands there, also while others change it. Invariant: what
 * is written was made of what it replaces; whoever comes second looks again.
 */
import { isFault } from '#protocol/fault.ts'
import type { Registry } from './bus.ts'

/** Each time somebody else was faster. */
const triesMost = 50

type Value = Uint8Array | undefined

/** `next` of nothing where nothing is to be changed; it may throw. Whether it was changed. */
export async function changeEntry(
  registry: Pick<Registry, 'entry' | 'put'>,
  key: string,
  next: (value: Value) => Value | Promise<Value>,
): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const { value, revision } = await registry.entry(key)
    const changed = await next(value?.length === 0 ? undefined : value)
    if (changed === undefined) return false
    try {
      await registry.put(key, changed, revision)
      return true
    } catch (error) {
      const isSecond = isFault(error, 'bus.conflict') || isFault(error, 'bus.inProgress')
      if (!isSecond || tries >= triesMost) throw error
    }
  }
}
