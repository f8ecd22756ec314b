/**
 * A test that cannot run here says why, in one sentence. The summary counts skips by these
 * sentences, so that a green run on a poor machine does not look like a complete one.
 */
import type { TestContext } from 'vitest'

export function skipBecause(test: Pick<TestContext, 'skip'>, reason: string): never {
  test.skip(reason)
}
