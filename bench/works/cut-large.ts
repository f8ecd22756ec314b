/** Cuts of 200,000 actors of 1 KB while W1 goes on, each of all of them; and one more of what changed. */
import { tmpdir } from 'node:os'
import { measureBoot } from '#bench/boot.ts'
import { fillBoxes } from '#bench/boxes.ts'
import { median } from '#bench/figures.ts'
import type { Ground } from '#bench/ground.ts'
import { rateOf, type Window } from '#bench/node-window.ts'
import { pour } from '#bench/pour.ts'
import type { CutFigures } from '#bench/programs/node.ts'
import { pause, type Work } from '#bench/work.ts'

const keys = 1000
/** As long as a cut: the longest pause of ten seconds is longer than that of three. */
const besideMs = 10_000
const warmMs = 3_000

type Beside = { readonly cut: CutFigures; readonly pauseMs: number; readonly share: number }

type Measuring = { readonly actors: number; readonly rounds: number; readonly note: (line: string) => void }

function tell(note: Measuring['note'], what: string, one: CutFigures): void {
  note(
    `  ${what}: recorded in ${one.recordedMs.toFixed(0)} ms, whole in ${one.wholeMs.toFixed(0)} ms, ${one.actors} actors, ${one.inFlight} in flight, ${one.added} bytes`,
  )
}

/** Of all actors each time: a second layer is never begun. A machine's speed drifts, so a cut is held against both sides of it. */
async function besideLoad(ground: Ground, { actors, rounds, note }: Measuring): Promise<readonly Beside[]> {
  await using node = await ground.openNode({ cuts: true, flags: { 'cuts-layers-most': '1' } })
  const [filler, sender] = [await ground.openSender(), await ground.openSender()]
  await fillBoxes({ node, sender: filler }, actors)
  const pouring = await pour({ node, sender }, keys)
  await pause(warmMs)
  const beside = async (): Promise<Window> => {
    await node.call('window', null)
    await pause(besideMs)
    return await node.call('window', null)
  }
  const found: Beside[] = []
  let before = await beside()
  for (let round = 1; round <= rounds; round++) {
    const cut = await node.call('cut', `round ${round}`)
    const during = await node.call('window', null)
    // What follows a cut is its cost, too, and not what it is compared with.
    await pause(warmMs)
    const after = await beside()
    tell(note, `cut ${round}`, cut)
    note(
      `  ${Math.round(rateOf(before))}/s before, ${Math.round(rateOf(during))}/s during, ${Math.round(rateOf(after))}/s after; p99 ${before.p99.toFixed(1)} and ${during.p99.toFixed(1)} ms; pause ${before.pauseMs.toFixed(0)} and ${during.pauseMs.toFixed(0)} ms`,
    )
    found.push({
      cut,
      pauseMs: Math.max(0, during.pauseMs - before.pauseMs),
      share: (2 * rateOf(during)) / (rateOf(before) + rateOf(after)),
    })
    before = after
  }
  await pouring.stop()
  await node.call('drained', null)
  return found
}

/** The bytes that a cut adds when a hundredth of the actors changed, and nothing else. */
async function addedByChanged(ground: Ground, { actors, note }: Measuring): Promise<number> {
  await using node = await ground.openNode({ cuts: true })
  await node.call('drained', null)
  const calm = await node.call('cut', 'calm')
  tell(note, 'calm', calm)
  await fillBoxes({ node, sender: await ground.openSender() }, actors / 100)
  const second = await node.call('cut', 'second')
  tell(note, 'second', second)
  return second.added
}

export const cutLarge: Work = {
  name: 'cutlarge',
  title: 'cuts of 200,000 actors of 1 KB under the load of W1, and one with 1 % of them changed',
  async run({ rounds, quick, openGround, note }) {
    // While nothing else runs here.
    const raw = await measureBoot(tmpdir(), rounds)
    const measuring = { actors: quick ? 20_000 : 200_000, rounds, note }
    await using ground = await openGround()
    const beside = await besideLoad(ground, measuring)
    const added = await addedByChanged(ground, measuring)
    const of = (value: (one: Beside) => number): number => median(beside.map(value))
    return [
      { value: of(({ cut }) => cut.wholeMs) / 1000, unit: 's', better: 'less', target: 10, raw },
      { part: 'recorded', value: of(({ cut }) => cut.recordedMs), unit: 'ms', better: 'less', target: 1000, raw },
      { part: 'pause', value: of(({ pauseMs }) => pauseMs), unit: 'ms more', better: 'less', target: 50 },
      { part: 'throughput', value: of(({ share }) => share), unit: 'of before', better: 'more', target: 0.8 },
      {
        part: 'second',
        value: (added / of(({ cut }) => cut.added)) * 100,
        unit: '% of bytes',
        better: 'less',
        target: 5,
      },
    ]
  },
}
