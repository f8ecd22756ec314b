/**
 * How often a property or a world by dice is tried: few times within the minute of `npm run check`,
 * many in the project `rounds` of `npm run test:long`, which runs the same tests. Invariant: it
 * decides nothing else, so that a law means the same in both.
 */
export function rounds(few: number, many: number): number {
  return process.env['TEST_ROUNDS'] === 'many' ? many : few
}
