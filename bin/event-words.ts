/** An event as people type it: whole JSON, or its type and then `name=value` pairs. */
import { Fault } from '#protocol/fault.ts'
import type { AnyEvent } from '#runtime/index.ts'

export function eventOfWords(words: readonly string[]): AnyEvent {
  const [first, ...rest] = words
  if (first === undefined)
    throw new Fault('usage.invalid', {
      reason: 'The event is missing. Write PAY amount=5, or \'{"type":"PAY","amount":5}\'.',
    })
  if (!first.trimStart().startsWith('{')) {
    const event: Record<string, unknown> = { type: first }
    for (const word of rest) {
      const [name, value] = pairOf(word)
      if (Object.hasOwn(event, name))
        throw new Fault('usage.invalid', {
          reason: `"${name}" is given twice. For a list write ${name}='[1,2]'; for a type the first word is enough.`,
        })
      event[name] = value
    }
    return event as AnyEvent
  }
  if (rest.length > 0)
    throw new Fault('usage.invalid', {
      reason: `There is more after the event: "${rest[0]}". Put the JSON in single quotes, so that the shell keeps it together.`,
    })
  const event = parseJson(first, 'The event')
  if (typeof (event as { type?: unknown } | null)?.type !== 'string') throw new Fault('event.untyped')
  return event as AnyEvent
}

export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Fault(
      'usage.invalid',
      { reason: `${what} is not JSON (${reason}). In a shell, put it in single quotes: '{"type":"PAY","amount":5}'.` },
      { cause },
    )
  }
}

/** `amount=5` is a number, `item=book` a text, `tags=["a"]` a list. */
function pairOf(word: string): readonly [string, unknown] {
  const at = word.indexOf('=')
  if (at < 1)
    throw new Fault('usage.invalid', {
      reason: `"${word}" is no part of an event. After the type come name=value pairs, for example PAY amount=5.`,
    })
  const text = word.slice(at + 1)
  return [word.slice(0, at), looseValue(text)]
}

function looseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
