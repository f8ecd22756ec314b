/** `perdure doctor`: how it stands here, which promises are in force, and what to mend. */
import type { Call, Command } from '#bin/command.ts'
import { checkLastCut } from '#bin/doctor/cut-checks.ts'
import { checkCuts } from '#bin/doctor/cuts.ts'
import { checkLag, checkLog, checkMended, checkParked } from '#bin/doctor/log.ts'
import { checkNodes } from '#bin/doctor/nodes.ts'
import { type Finding, fail } from '#bin/doctor/finding.ts'
import {
  checkCredentials,
  checkDisk,
  checkHealthPort,
  checkPlatform,
  checkProgram,
  checkReach,
} from '#bin/doctor/place.ts'
import { embeddedDurability, promiseOf } from '#bin/doctor/promises.ts'
import { checkSealed } from '#bin/doctor/sealed.ts'
import { checkReplicas, checkServer } from '#bin/doctor/server.ts'
import { checkTimers } from '#bin/doctor/timers.ts'
import { pad, plural, wrap } from '#bin/layout.ts'
import type { Style } from '#bin/output.ts'
import { wrong } from '#bin/parse-line.ts'
import type { Config } from '#config/open-config.ts'
import { storedFaultOf } from '#protocol/fault.ts'
import { examineServer } from '#runtime/nats/examine-server.ts'
import { reachOf } from '#runtime/wiring.ts'

export const command: Command = {
  name: 'doctor',
  title: 'checks server, promises, clocks, disk, nodes, log',
  usage: ['[--dir .perdure] [--servers nats://host:4222]'],
  about: [
    'Looks and changes nothing. Each check is ok, warn or fail, with what to do; exit code 1 when one fails. It also says in plain words which durability is in force: what a crash of a process and what a power cut can lose.',
  ],
  examples: ['doctor', 'doctor --servers nats://10.0.0.5:4222 --creds ./node.creds --json'],
  settings: 'all',
  json: 'A line for each check: {"check","status","says","fix"}.',
  async run(call) {
    if (call.words.length > 0) throw wrong(command, `"doctor" takes no words, and "${call.words[0]}" is one.`)
    const { config, json, out } = call
    const found: Finding[] = []
    for await (const finding of checks(call, config)) {
      found.push(finding)
      if (json) out.json(finding)
      else print(call, finding)
    }
    const count = (status: Finding['status']): number => found.filter((one) => one.status === status).length
    if (!json) {
      out.line()
      out.line(`${count('ok')} ok, ${plural(count('warn'), 'warning')}, ${count('fail')} failed`)
    }
    return count('fail') === 0 ? 0 : 1
  },
}

/** A partition that moves has its new owner by then. */
const settleMs = 1_500

async function* checks(call: Call, config: Config): AsyncGenerator<Finding> {
  const { dir } = config.node
  yield checkPlatform()
  yield await checkProgram(config)
  yield await checkDisk(dir)
  yield await checkCredentials(dir)
  const reach = await checkReach(dir)
  if (reach !== undefined) yield reach
  yield await checkHealthPort(config.node['health.port'])
  try {
    const options = await reachOf(config)
    const facts = await examineServer(options)
    yield* checkServer(facts)
    const isOurs = !config.isSet('servers')
    yield promiseOf(
      config.cluster.durability,
      isOurs ? await embeddedDurability(dir) : undefined,
      facts.realm?.replicas ?? config.cluster.replicas,
    )
    yield* checkReplicas(facts)
    if (facts.realm === undefined) return
    const realm = await call.realm()
    yield* await checkNodes(realm, { standbys: config.cluster.standbys, settleMs })
    yield await checkLag(realm)
    yield await checkLog(realm, config)
    yield await checkMended(realm)
    yield await checkParked(realm)
    const timers = await checkTimers(realm)
    if (timers !== undefined) yield timers
    yield* await checkCuts(realm, config, facts.realm.replicas)
    const sealed = await checkSealed(options)
    if (sealed !== undefined) yield sealed
    const last = await checkLastCut(realm)
    if (last !== undefined) yield last
  } catch (error) {
    const { message, code } = storedFaultOf(error)
    yield fail('server', `${message} (${code})`, 'The rest cannot be seen without it.')
  }
}

const styles: Readonly<Record<Finding['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' }
const indent = ' '.repeat(20)

function print({ out }: Call, { check, status, says, fix }: Finding): void {
  const [first = '', ...rest] = wrap(says, out.width - indent.length)
  out.line(`${pad(out.style(styles[status], status), 5)} ${pad(check, 13)} ${first}`)
  for (const line of rest) out.line(indent + line)
  if (fix !== undefined) for (const line of wrap(`→ ${fix}`, out.width, indent)) out.line(line)
}
