/** Machines nobody would write, driven by events and time nobody would choose, run three ways. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { machineOf, type Tree, trees } from '#test/support/machines/random.ts'
import { rounds } from '#test/support/rounds.ts'
import { openEngine, openLive, type Script, type ScriptStep, type Trail, trailOf } from '#test/support/three-ways.ts'

const steps: fc.Arbitrary<ScriptStep[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.constantFrom<ScriptStep[]>({ type: 'A' }, { type: 'B' }, { type: 'C' }, { type: 'C.x' }),
    },
    { weight: 1, arbitrary: fc.constantFrom<ScriptStep[]>({ wait: 5 }, { wait: 10 }, { wait: 25 }) },
  ),
  { maxLength: 8 },
)

/**
 * A machine that answers an event by sending it to itself, now or later, or the end of its work by
 * beginning it again (`*` takes that event too, and an `always` may hold after it), comes to rest
 * in no world.
 * A history, or a target that is the root, may enter a state that was never left; that arms one
 * `after` twice, and XState loses track of the second: its own `cancel` no longer finds it.
 */
function restful(root: Tree): Tree {
  const works = !some(root, ({ moves }) => moves.some(({ on }) => on === '*' || on === 'always' || on === 'done'))
  const waits = !some(root, ({ type }) => type === 'history' || type === 'deep')
  const rest = (tree: Tree): Tree => ({
    ...tree,
    moves: tree.moves.map((move) => ({
      ...move,
      does: move.does.filter((one) => one !== 'tell' && (one !== 'later' || move.on.startsWith('C'))),
    })),
    invoke: tree.invoke && works,
    after: waits && tree !== root ? tree.after : undefined,
    kids: tree.kids.map(rest),
  })
  return rest(root)
}

function some(tree: Tree, is: (one: Tree) => boolean): boolean {
  return is(tree) || tree.kids.some((kid) => some(kid, is))
}

/** XState refuses some of these trees itself. */
function isMachine(tree: Tree): boolean {
  try {
    machineOf(tree)
    return true
  } catch {
    return false
  }
}

/** An endless loop is a fault with a code here and a plain error there. */
function told({ seen, ...rest }: Trail): unknown {
  return { ...rest, seen: seen.map((one) => one && { ...one, error: one.error !== undefined }) }
}

test(
  'any machine behaves the same live, in the engine, and in the engine restarted between all events',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(trees.map(restful).filter(isMachine), steps, async (tree, all) => {
        const script: Script = { machine: machineOf(tree), steps: all }
        const first = await trailOf(script, openLive)
        // Whoever never came to life has no state to compare.
        fc.pre(first.seen[0]?.status !== 'error')
        const live = told(first)
        expect(told(await trailOf(script, (one, clock) => openEngine(one, clock, false)))).toEqual(live)
        expect(told(await trailOf(script, (one, clock) => openEngine(one, clock, true)))).toEqual(live)
      }),
      { numRuns: rounds(30, 300) },
    )
  },
)
