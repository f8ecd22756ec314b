/** One actor as it was, the instant lying 30 seconds of W1 behind the nearest cut, and 10 more before the end of the log. */
import { randomBytes } from 'node:crypto'
import { median } from '#bench/figures.ts'
import { configFor } from '#bench/access.ts'
import type { Ground } from '#bench/ground.ts'
import { pour } from '#bench/pour.ts'
import { pause, requireEqual, type Work } from '#bench/work.ts'
import { busOptionsOf, clientOptionsOf } from '#config/options.ts'
import { systemClock } from '#runtime/clock.ts'
import { realmHandleOf } from '#runtime/client/realm-handle.ts'
import { openPlacedView } from '#runtime/mending/placed-view.ts'
import { openBus } from '#runtime/nats/open-bus.ts'
import { openBaseReader } from '#store/base-blob.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'

const keys = 1000
const loadMs = 30_000
const moreMs = 10_000
const retryMs = 10

export const at: Work = {
  name: 'at',
  title: 'one actor as it was 30 seconds of W1 behind the nearest cut',
  async run({ rounds, quick, openGround, note }) {
    await using ground = await openGround()
    const secret = randomBytes(32)
    const node = await ground.openNode({ cuts: true, secret: secret.toString('hex') })
    const sender = await ground.openSender()
    const pouring = await pour({ node, sender }, keys)
    await pause(1000)
    await node.call('cut', 'before')
    await pause(quick ? loadMs / 10 : loadMs)
    const place = await endOf(ground)
    await pause(quick ? moreMs / 10 : moreMs)
    const events = await pouring.stop()
    await node.call('drained', null)
    const looked = { ground, secret, place, times: Math.max(3, rounds) * 4 }
    const asked = await look(looked)
    await node.kill()
    const read = await look({ ...looked, times: Math.max(3, rounds) })
    requireEqual('what the owner says and what the log says', asked.sum, read.sum)
    note(
      `  ${events} events; asked of the owner: median ${asked.ms.toFixed(0)} ms, most ${asked.most.toFixed(0)}; read from the log: ${read.ms.toFixed(0)} ms, most ${read.most.toFixed(0)}`,
    )
    return [
      { value: asked.ms, unit: 'ms', better: 'less', target: 200 },
      { part: 'most', value: asked.most, unit: 'ms', better: 'less', target: 200 },
      { part: 'no owner', value: read.ms, unit: 'ms', better: 'less', target: 2000 },
    ]
  },
}

async function endOf(ground: Ground): Promise<number> {
  await using realm = await ground.openRealm()
  return (await realm.bus.logState()).lastSeq
}

type Looking = {
  readonly ground: Ground
  readonly secret: Buffer
  readonly place: number
  readonly times: number
}

/** Each time by somebody who comes anew; `sum` is what the first ones were. */
async function look({
  ground: { access },
  secret,
  place,
  times,
}: Looking): Promise<{ ms: number; most: number; sum: number }> {
  const config = configFor(access)
  const took: number[] = []
  let sum = 0
  for (let time = 0; time < times; time++) {
    const raw = await openBus({ ...busOptionsOf(config), auth: access.auth, create: false })
    const bus = await openPlacedView({ bus: raw, clock: systemClock }, { retryMs })
    const archive = openMemoryArchive(undefined, secret)
    const world = { bus, clock: systemClock, archive, readBase: openBaseReader }
    await using realm = realmHandleOf(world, { ...clientOptionsOf(config), client: undefined })
    const begunAt = performance.now()
    const { state } = await realm.past.at({ seq: place }, `counter/${time * 13}`)
    took.push(performance.now() - begunAt)
    if (time < 3) sum += state?.steps ?? 0
  }
  return { ms: median(took), most: Math.max(...took), sum }
}
