/** Who it was that put something on a log, where a restore did: in claims, and in the rows of what was in flight. */
export const restorer = 'restore'
