/** `perdure effects`: what actors have asked of the world and not heard of yet; and answering for it. */
import { awaitActor } from '#bin/await-actor.ts'
import type { Call, Command } from '#bin/command.ts'
import { parseJson } from '#bin/event-words.ts'
import { dueText, span, table } from '#bin/layout.ts'
import { addressText, showActor } from '#bin/look.ts'
import { wrong } from '#bin/parse-line.ts'
import { Fault } from '#protocol/fault.ts'
import { type Address, type Effect, type EffectResult, type ShownActor, systemClock } from '#runtime/index.ts'

export const command: Command = {
  name: 'effects',
  title: 'lists pending effects, and says how an unknown one ended',
  usage: [
    '[list] [address]',
    "resolve <address> <id or name> --output '<json>'",
    'resolve <address> <id or name> --error <text>',
  ],
  about: [
    'An effect is recorded before it runs, so after a crash it is known that it began, but not how it ended. A kind whose policy is "ask" then waits for a person: look at the other side (the id of the effect is the one it was given), and say here what became of it.',
  ],
  examples: [
    'effects',
    'effects order/42 --json',
    `effects resolve order/42 charge --output '{"receipt":"r-7"}'`,
    'effects resolve order/42 charge --error "never arrived at the bank"',
  ],
  flags: {
    output: { type: 'text', value: 'json', about: 'It was done, with this result.' },
    error: { type: 'text', value: 'text', about: 'It failed.' },
    unknown: { type: 'yes', about: 'Nobody can find out: the machine gets the fault effect.unknown.' },
    kind: { type: 'text', value: 'kind', about: 'Only of actors of this kind.' },
    limit: { type: 'text', value: '50', about: 'At most so many; 50 by default, 0 is all.' },
    timeout: { type: 'text', value: '5s', about: 'How long resolve waits until the actor has heard of it.' },
  },
  settings: 'connection',
  json: 'A line for each: {"address","id","name","attempt","begunAt","isUndecided", …}, with "node" when it runs where its label is, or "reason" when no node can run it; resolve: {"address","id","resolved"}.',
  verbs: ['list', 'resolve'],
  async run(call) {
    const [verb, ...rest] = call.words
    if (verb === 'resolve') await resolve(call, rest)
    else await list(call, verb === 'list' ? rest : call.words)
    return 0
  },
}

async function list(call: Call, [text, extra]: readonly string[]): Promise<void> {
  if (extra !== undefined) throw wrong(command, `"${extra}" is one word too many; one actor can be named.`)
  if (text !== undefined && !text.includes('/'))
    throw wrong(command, `"${text}" is neither an address nor one of list, resolve.`)
  const limit = call.count('limit', 50) || Infinity
  const found = await pending(call, text)
  // Those that wait for a person come first: only they need one.
  const shown = found
    .toSorted((a, b) => Number(b.isUndecided) - Number(a.isUndecided) || a.effect.begunAt - b.effect.begunAt)
    .slice(0, limit)
  if (call.json) {
    for (const { address, effect, isUndecided, place } of shown)
      call.out.json({ address, ...effect, isUndecided, ...place })
    return
  }
  if (shown.length === 0) return call.out.line('No effect is pending.')
  const now = systemClock.now()
  const isPlaced = shown.some(({ place }) => place !== undefined)
  const rows = shown.map((one) => [
    addressText(one.address),
    one.effect.name,
    span(now - one.effect.begunAt),
    stateText(call, one, now),
    ...(isPlaced ? [nodeText(one)] : []),
    one.effect.id,
  ])
  for (const line of table(
    [
      { head: 'ADDRESS', most: 24 },
      { head: 'EFFECT', most: 16 },
      { head: 'AGE', most: 8 },
      { head: 'STATE', most: 16 },
      ...(isPlaced ? [{ head: 'NODE', most: 16 }] : []),
      { head: 'ID' },
    ],
    rows,
    call.out.width,
  ))
    call.out.line(line)
  for (const reason of new Set(
    shown.map(({ place }) => (place !== undefined && 'reason' in place ? place.reason : '')),
  ))
    if (reason !== '') call.out.line(call.out.style('yellow', `waits: ${reason}`))
  if (found.length > shown.length)
    call.out.line(call.out.style('dim', `${found.length - shown.length} more; --limit 0 lists all`))
}

function nodeText({ place }: Pending): string {
  if (place === undefined) return ''
  return 'node' in place ? place.node : 'nowhere'
}

function stateText(call: Call, { effect: { attempt, notBefore }, isUndecided, place }: Pending, now: number): string {
  if (isUndecided) return call.out.style('red', 'unknown')
  if (place !== undefined && 'reason' in place) return call.out.style('yellow', 'waits')
  return notBefore > now ? `attempt ${attempt} ${dueText(notBefore, now)}` : `attempt ${attempt}`
}

type Pending = {
  readonly address: Address
  readonly effect: Effect
  readonly isUndecided: boolean
  /** Of one that does not run where its actor is. */
  readonly place: ShownActor['places'][string] | undefined
}

function pendingOf({ address, state, undecided, places }: ShownActor): Pending[] {
  return Object.values(state.book.effects ?? {}).map((effect) => ({
    address,
    effect,
    isUndecided: undecided.includes(effect.id),
    place: places[effect.id],
  }))
}

async function pending(call: Call, text: string | undefined): Promise<Pending[]> {
  const realm = await call.realm()
  if (text !== undefined) return pendingOf((await showActor(realm, text)).shown)
  const kind = call.text('kind')
  const found: Pending[] = []
  for await (const shown of realm.operate.list({ brief: true, ...(kind === undefined ? {} : { kind }) }))
    found.push(...pendingOf(shown))
  return found
}

async function resolve(call: Call, [text, wanted, extra]: readonly string[]): Promise<void> {
  if (text === undefined || wanted === undefined || extra !== undefined)
    throw wrong(command, 'Resolve which? Name an actor and its effect.')
  const result = resultOf(call)
  const realm = await call.realm()
  const { shown } = await showActor(realm, text)
  const all = Object.values(shown.state.book.effects ?? {})
  const fitting = all.filter(({ id, name }) => id === wanted || name === wanted)
  const [effect, second] = fitting
  if (effect === undefined)
    throw new Fault('effect.absent', {
      value: text,
      name: wanted,
      known: all.map(({ name, id }) => `${name} (${id})`).join(', ') || 'none',
    })
  if (second !== undefined)
    throw wrong(command, `"${wanted}" could be ${fitting.map(({ id }) => id).join(' or ')}; write the id.`)
  await realm.operate.resolveEffect(shown.address, effect.id, result)
  await awaitActor(
    realm,
    shown.address,
    call.ms('timeout', 5_000),
    (one) => one?.state.book.effects?.[effect.id] === undefined,
  )
  if (call.json) call.out.json({ address: shown.address, id: effect.id, resolved: result.is })
  else call.out.line(`${addressText(shown.address)} now knows how ${effect.name} ended: ${result.is}`)
}

function resultOf(call: Call): EffectResult {
  const [output, error] = [call.text('output'), call.text('error')]
  const given = [output, error, call.is('unknown') ? '' : undefined].filter((one) => one !== undefined)
  if (given.length !== 1) throw wrong(command, 'Say how it ended: one of --output JSON, --error TEXT and --unknown.')
  if (output !== undefined) return { is: 'done', output: parseJson(output, 'The output') }
  return error === undefined ? { is: 'unknown' } : { is: 'error', error: { name: 'Error', message: error } }
}
