/** For who looks at a failure: what was done to a world, and what its nodes said of it. */
import type { NemesisWorld } from './world.ts'

/** Of one kind and one node; what goes round in circles says the same again and again. */
const alikeMost = 12

export function pictureOf(world: NemesisWorld): string[] {
  const beats = [...world.heartbeats()].map(([name, { phase, owned, followed }]) => {
    const follows = followed.map(([partition, , isClose]) => `${partition}${isClose ? '' : ' (behind)'}`)
    return `${name} is ${phase}, owns ${owned.map(([partition]) => partition).join()}, follows ${follows.join()}`
  })
  const said = [...world.members].flatMap(([name, { lines }]) => {
    const alike = new Map<string, number>()
    return lines.flatMap(({ at, is, folded: _, ...rest }) => {
      const kind = `${is} ${String(rest['partition'])}`
      alike.set(kind, (alike.get(kind) ?? 0) + 1)
      return (alike.get(kind) ?? 0) > alikeMost ? [] : [`${at - world.begunAt} ${name} ${is} ${JSON.stringify(rest)}`]
    })
  })
  return [...world.story, ...said].toSorted((one, other) => Number.parseInt(one) - Number.parseInt(other)).concat(beats)
}
