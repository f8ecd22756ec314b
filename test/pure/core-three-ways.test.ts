/** The conformance set in the whole engine: live, here, and here with a restart between every two events. */
import { scenarios } from '#test/support/machines/set.ts'
import { note } from '#test/support/gates.ts'
import { runs, type ScriptStep } from '#test/support/three-ways.ts'

for (const { name, make, input, script } of scenarios) {
  const machine = make((what, detail) => note([what, detail]))
  runs(name, {
    machine,
    input,
    steps: script.map((happening) => ('send' in happening ? happening.send : happening) as ScriptStep),
  })
}
