/** `perdure timers`: what is due when, over all actors or of one; and cancelling by hand. */
import { awaitActor } from '#bin/await-actor.ts'
import type { Call, Command } from '#bin/command.ts'
import { shortTimer } from '#bin/health-text.ts'
import { dueText, span, table } from '#bin/layout.ts'
import { addressText, showActor } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { stillText } from '#bin/still-text.ts'
import { Fault } from '#protocol/fault.ts'
import { type Address, systemClock, type Timer } from '#runtime/index.ts'

export const command: Command = {
  name: 'timers',
  title: 'lists armed timers, cancels one, thaws those that stand still',
  usage: ['[list] [address] [--limit 50]', 'cancel <address> <name>', 'thaw'],
  about: [
    'A timer is a part of its actor: an after, or a delayed event. The name is the one that "list --json" and "show --json" give, or the short one that the list shows.',
    'In a realm that was restored or forked with --timers frozen, none fires until "thaw". Then each goes on by its own policy, as after an absence that was so long: deadline fires at once what is overdue, frozen counts on from where it stood, restart begins again.',
  ],
  examples: ['timers', 'timers order/42', 'timers cancel order/42 paymentTime', 'timers thaw --realm shop-what-if'],
  flags: {
    kind: { type: 'text', value: 'kind', about: 'Only of actors of this kind.' },
    limit: { type: 'text', value: '50', about: 'At most so many, the next ones; 50 by default, 0 is all.' },
    timeout: { type: 'text', value: '5s', about: 'How long cancel waits until it is done.' },
  },
  settings: 'connection',
  json: 'A line for each: {"address","name","due","event","policy"}; cancel: {"address","name","cancelled"}; thaw: {"realm","since","until"}.',
  verbs: ['list', 'cancel', 'thaw'],
  async run(call) {
    const [verb, ...rest] = call.words
    if (verb === 'cancel') await cancel(call, rest)
    else if (verb === 'thaw') await thaw(call, rest)
    else await list(call, verb === 'list' ? rest : call.words)
    return 0
  },
}

type Armed = { readonly address: Address; readonly timer: Timer }

async function list(call: Call, [text, extra]: readonly string[]): Promise<void> {
  if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one actor can be named.`)
  if (text !== undefined && !text.includes('/'))
    throw wrong(command, `"${text}" is neither an address nor one of list, cancel, thaw.`)
  const limit = call.count('limit', 50) || Infinity
  const armed = await armedTimers(call, text)
  const now = systemClock.now()
  const shown = armed.toSorted((a, b) => a.timer.due - b.timer.due).slice(0, limit)
  if (call.json) {
    for (const {
      address,
      timer: { name, due, event, policy, to },
    } of shown)
      call.out.json({ address, name, due, event, to, policy })
    return
  }
  const still = await stillText((await call.realm()).operate, now)
  if (still !== undefined) call.out.line(call.out.style('yellow', still))
  if (shown.length === 0) return call.out.line('No timer is armed.')
  const rows = shown.map(({ address, timer }) => [
    addressText(address),
    shortTimer(timer.name),
    dueText(timer.due, now),
    timer.event.type === timer.name ? '-' : timer.event.type,
    timer.policy,
  ])
  for (const line of table(
    [
      { head: 'ADDRESS', most: 28 },
      { head: 'TIMER', most: 18 },
      { head: 'DUE', most: 12 },
      { head: 'SENDS', most: 12 },
      { head: 'POLICY' },
    ],
    rows,
    call.out.width,
  ))
    call.out.line(line)
  if (armed.length > shown.length)
    call.out.line(call.out.style('dim', `${armed.length - shown.length} more; --limit 0 lists all`))
}

async function armedTimers(call: Call, text: string | undefined): Promise<Armed[]> {
  const realm = await call.realm()
  if (text !== undefined) {
    const { shown } = await showActor(realm, text)
    return Object.values(shown.state.book.timers ?? {}).map((timer) => ({ address: shown.address, timer }))
  }
  const kind = call.text('kind')
  const found: Armed[] = []
  for await (const { address, state } of realm.operate.list({ brief: true, ...(kind === undefined ? {} : { kind }) })) {
    for (const timer of Object.values(state.book.timers ?? {})) found.push({ address, timer })
  }
  return found
}

async function thaw(call: Call, [extra]: readonly string[]): Promise<void> {
  if (extra !== undefined)
    throw wrong(command, `"${extra}" is one word too many; "thaw" thaws all timers of the realm.`)
  const { name, operate } = await call.realm()
  const { since, until = since } = await operate.thawTimers()
  if (call.json) call.out.json({ realm: name, since, until })
  else call.out.line(`the timers of ${name} go on, each by its own policy; they stood still for ${span(until - since)}`)
}

async function cancel(call: Call, [text, wanted, extra]: readonly string[]): Promise<void> {
  if (text === undefined || wanted === undefined || extra !== undefined)
    throw wrong(command, 'Cancel which? Name an actor and its timer.')
  const realm = await call.realm()
  const { shown } = await showActor(realm, text)
  const names = Object.keys(shown.state.book.timers ?? {})
  const fitting = names.filter((name) => name === wanted || shortTimer(name) === wanted)
  const [name, second] = fitting
  if (name === undefined)
    throw new Fault('timer.absent', { value: text, name: wanted, known: names.map(shortTimer).join(', ') || 'none' })
  if (second !== undefined && !fitting.includes(wanted))
    throw wrong(command, `"${wanted}" could be ${fitting.join(' or ')}; write the whole name.`)
  const exact = fitting.includes(wanted) ? wanted : name
  const visit = shown.state.book.timers?.[exact]?.visit
  await realm.operate.cancelTimer(shown.address, exact)
  await awaitActor(
    realm,
    shown.address,
    call.ms('timeout', 5_000),
    (one) => one?.state.book.timers?.[exact]?.visit !== visit,
  )
  if (call.json) call.out.json({ address: shown.address, name: exact, cancelled: true })
  else call.out.line(`cancelled the timer ${shortTimer(exact)} of ${addressText(shown.address)}`)
}
