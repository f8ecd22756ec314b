/**
 * Instants that several processes of one machine can compare: the monotonic clock, in ms. It
 * serves every measurement here, which all begin in one process and end in another.
 */
export function instantMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
