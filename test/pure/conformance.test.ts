/** The whole conformance set, each machine live, in the engine, and in the engine with restarts. */
import type { AnyEvent } from '#protocol/envelope.ts'
import { scenarios } from '#test/support/machines/set.ts'
import { note, runs } from '#test/support/three-ways.ts'

for (const { name, make, input, script, ends } of scenarios) {
  const { status, value } = ends
  runs(name, {
    machine: make((what, detail) => note([what, detail])),
    input,
    steps: script.map((one) => ('send' in one ? (one.send as AnyEvent) : one)),
    ends: { status, ...(value === undefined ? {} : { value }) },
  })
}
