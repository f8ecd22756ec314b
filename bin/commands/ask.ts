/** `perdure ask`: an event whose answer is waited for, to a deadline. */
import { matchesState, type StateValue } from 'xstate'
import type { Command } from '#bin/command.ts'
import { eventOfWords } from '#bin/event-words.ts'
import { stateText } from '#bin/layout.ts'
import { wrong } from '#bin/parse-line.ts'
import { showValue } from '#bin/show-value.ts'

export const command: Command = {
  name: 'ask',
  title: 'sends an event and waits for the answer',
  usage: [
    '<address> <TYPE> [name=value …] [--timeout 5s]',
    '<address> <TYPE> --emitted TYPE',
    '<address> <TYPE> --until state',
  ],
  about: [
    'The answer is what the machine gives to reply(); for a machine that has none, name the type of the emitted event that answers (--emitted), or the state that does (--until). The event itself is stored whatever happens: past the deadline it is still handled, and asking again with the same --id gives the late answer. Effects that it began are given up at the deadline too. Ctrl-C takes the question back, and aborts what runs for it.',
  ],
  examples: ['ask counter/a GET --emitted COUNT', 'ask order/42 PAY amount=20 --until paid --timeout 10s'],
  flags: {
    timeout: { type: 'text', value: '5s', about: 'How long to wait; 5s by default.' },
    emitted: { type: 'text', value: 'TYPE', about: 'The emitted event that answers.' },
    until: { type: 'text', value: 'state', about: 'The state that answers, for example paid or open.waiting.' },
    id: { type: 'text', value: 'id', about: 'Your own id of this question, and with --client its name for good.' },
    client: { type: 'text', value: 'name', about: 'With --id: under which name it was asked before.' },
  },
  settings: 'connection',
  json: 'The answer as it is.',
  async run(call) {
    const [to, ...words] = call.words
    if (to === undefined) throw wrong(command, 'Whom? Write an address and an event.')
    const event = eventOfWords(words)
    const { emitted, until, id } = { emitted: call.text('emitted'), until: call.text('until'), id: call.text('id') }
    if (emitted !== undefined && until !== undefined)
      throw wrong(command, '--emitted and --until are two answers; name one.')
    const realm = await call.realm(call.text('client'))
    const aborter = new AbortController()
    call.onInterrupt(() => aborter.abort(new Error('interrupted')))
    const answering = realm.at(to).ask(event, {
      timeoutMs: call.ms('timeout', 5_000),
      signal: aborter.signal,
      ...(emitted === undefined ? {} : { emitted }),
      ...(until === undefined ? {} : { until: (snapshot: unknown) => isIn(snapshot, until) }),
      ...(id === undefined ? {} : { id }),
    })
    let answer: unknown
    try {
      answer = await answering
    } catch (error) {
      if (aborter.signal.aborted) return 130
      throw error
    }
    const shown = until === undefined ? answer : summaryOf(answer)
    if (call.json) call.out.json(shown ?? null)
    else call.out.line(showValue(call.out, shown))
    return 0
  },
}

/** Without the machine a snapshot is plain data. */
function isIn(snapshot: unknown, state: string): boolean {
  const { value, status } = snapshot as { value: StateValue | null | undefined; status: string }
  if (state === status) return true
  if (value === null || value === undefined) return false
  return matchesState(nested(state), value)
}

function nested(state: string): StateValue {
  const [first = '', ...rest] = state.split('.')
  return rest.length === 0 ? first : { [first]: nested(rest.join('.')) }
}

function summaryOf(snapshot: unknown): object {
  const { status, value, context, output } = snapshot as {
    status: string
    value: unknown
    context: unknown
    output?: unknown
  }
  return { state: stateText(value, status), status, context, ...(output === undefined ? {} : { output }) }
}
