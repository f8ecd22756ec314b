/** What somebody who mistyped a name probably meant. */

/** The nearest of the names, by the letters that would have to change. */
export function guessOf(name: string, names: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const each of names) {
    const distance = distanceOf(wanted, each.toLowerCase())
    if (best === undefined || distance < best.distance) best = { name: each, distance }
  }
  return best?.name
}

/** Changed, added, left out, or two swapped. */
function distanceOf(a: string, b: string): number {
  let older: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let at = 1; at <= b.length; at++) {
      const same = a[row - 1] === b[at - 1]
      const swapped = row > 1 && at > 1 && a[row - 1] === b[at - 2] && a[row - 2] === b[at - 1]
      const steps = [
        (previous[at] as number) + 1,
        (current[at - 1] as number) + 1,
        (previous[at - 1] as number) + (same ? 0 : 1),
      ]
      if (swapped) steps.push((older[at - 2] as number) + 1)
      current.push(Math.min(...steps))
    }
    older = previous
    previous = current
  }
  return previous[b.length] as number
}
