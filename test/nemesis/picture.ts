/** For who looks at a failure: what was done to a world, and what its nodes said of it. */
import type { Line } from './member.ts'
import type { NemesisWorld } from './world.ts'

/** Of one kind and one node; what goes round in circles says the same again and again. */
const alikeMost = 8
/** How each node ended is told whole. */
const lastMost = 40
const textMost = 300

export function pictureOf(world: NemesisWorld): string[] {
  const beats = [...world.heartbeats()].map(([name, { phase, owned, followed }]) => {
    const follows = followed.map(([partition, , isClose]) => `${partition}${isClose ? '' : ' (behind)'}`)
    return `at the end ${name} is ${phase}, owns ${owned.map(([partition]) => partition).join()}, follows ${follows.join()}`
  })
  const said = [...world.members].flatMap(([name, { lines }]) =>
    lines.filter(newsIn(lines)).map((line) => `${line.at - world.begunAt} ${name} ${textOf(line)}`.slice(0, textMost)),
  )
  return [...world.story, ...said].toSorted((one, other) => Number.parseInt(one) - Number.parseInt(other)).concat(beats)
}

function newsIn(lines: readonly Line[]): (line: Line, at: number) => boolean {
  const alike = new Map<string, number>()
  return ({ is, partition }, at) => {
    const kind = `${is} ${String(partition)}`
    const count = (alike.get(kind) ?? 0) + 1
    alike.set(kind, count)
    return count <= alikeMost || at >= lines.length - lastMost
  }
}

/** A fault without its stack, and a fold without its states. */
function textOf({ at: _, is, folded: __, fault, ...rest }: Line): string {
  const { code, message } = (fault ?? {}) as { readonly code?: string; readonly message?: string }
  return `${is} ${JSON.stringify(rest)}${code === undefined ? '' : ` ${code}: ${message}`}`
}
