/** `perdure nodes`: who runs the realm, and which of them has what. */
import type { Call, Command } from '#bin/command.ts'
import { nodesText, stateOfNode, waitingOf } from '#bin/nodes-text.ts'
import { wrong } from '#bin/parse-line.ts'
import { stillText } from '#bin/still-text.ts'
import { type RealmHandle, type SeenRealm, systemClock } from '#runtime/index.ts'

const everyMs = 1_000

export const command: Command = {
  name: 'nodes',
  title: 'shows the nodes of a realm, their load and partitions',
  usage: ['[--watch]'],
  about: [
    'Each node with its state, age, load, labels, and which partitions it owns and follows; then the partitions that nobody owns, and why. A node that follows a partition can take it over without reading. States: joining, ready, leaving (gives its partitions away), drained (gave them away and stays).',
    'It asks the nodes themselves; one that stands still, or is cut off, is not in the list.',
  ],
  examples: ['nodes', 'nodes --watch', 'nodes --json | jq .nodes[].name'],
  flags: { watch: { type: 'yes', about: 'Looks again every second, until Ctrl-C.' } },
  settings: 'connection',
  json: 'One object (with --watch one for each look): {"at","nodes":[{"name","state","capacity","labels","owned","followed","load", …}],"partitions":[{"partition","owner","standbys","why"}],"timers","forkOf"}.',
  async run(call) {
    if (call.words.length > 0) throw wrong(command, `"nodes" takes no words, and "${call.words[0]}" is one.`)
    const realm = await call.realm()
    if (!call.is('watch')) {
      const seen = await realm.operate.nodes()
      await show(call, realm, seen)
      return seen.nodes.length === 0 && seen.places.every(({ owner }) => owner === undefined) ? 3 : 0
    }
    await watch(call, realm)
    return 0
  },
}

async function watch(call: Call, realm: RealmHandle): Promise<void> {
  const over = Promise.withResolvers<void>()
  let isOver = false
  call.onInterrupt(() => {
    isOver = true
    over.resolve()
  })
  for (;;) {
    const seen = await Promise.race([realm.operate.nodes(), over.promise])
    if (isOver || seen === undefined) return
    if (!call.json) head(call, realm)
    await show(call, realm, seen)
    const next = new Promise<void>((resolve) => systemClock.at(systemClock.now() + everyMs, resolve))
    await Promise.race([next, over.promise])
  }
}

function head({ out }: Call, realm: RealmHandle): void {
  const time = new Date(systemClock.now()).toTimeString().slice(0, 8)
  if (out.isTerminal) out.clear()
  out.line(out.style('dim', `realm ${realm.name} at ${time}; Ctrl-C ends it`))
  out.line()
}

async function show({ json, out }: Call, { operate, bus }: RealmHandle, seen: SeenRealm): Promise<void> {
  const now = systemClock.now()
  const still = await stillText(operate, now)
  if (json)
    return out.json({ ...dataOf(seen, now), timers: still === undefined ? 'free' : 'frozen', forkOf: bus.fork?.of })
  if (bus.fork !== undefined)
    out.line(out.style('dim', `${bus.realm.name} is a fork of ${bus.fork.of}, at ${bus.fork.cut}`))
  if (still !== undefined) out.line(out.style('yellow', still))
  for (const line of nodesText(out, seen, now)) out.line(line)
}

function dataOf({ nodes, places }: SeenRealm, now: number): object {
  return {
    at: now,
    nodes: nodes.map((one) => ({
      name: one.name,
      state: stateOfNode(one),
      since: one.since,
      aheadMs: one.aheadMs,
      capacity: one.capacity,
      labels: one.labels,
      release: one.release,
      kinds: one.kinds.map(([kind, version]) => ({ kind, version })),
      owned: one.owned.map(([partition]) => partition),
      followed: one.followed.map(([partition]) => partition),
      unfollowed: (one.unfollowed ?? []).map(([partition, reason]) => ({ partition, reason })),
      waiting: waitingOf(one),
      behind: one.behind,
      load: one.load,
    })),
    partitions: places,
  }
}
