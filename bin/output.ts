/**
 * The only way to the terminal. Results go to standard output, and everything said about them to
 * standard error, so that a pipe gets nothing but results. Colours only where a person sees them
 * (`styleText` asks the stream, and knows NO_COLOR).
 */
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export type Output = {
  readonly isTerminal: boolean
  readonly width: number
  line(text?: string): void
  /** One JSON value on one line. */
  json(value: unknown): void
  /** To standard error: progress, notes, faults. */
  note(text: string): void
  /** Begins the screen anew; for terminals. */
  clear(): void
  style(style: Style, text: string): string
  /** Resolves when everything was handed on: a pipe takes so much at a time, and the end of the process drops the rest. */
  written(): Promise<void>
}

/** Everything is laid out for this; a wider terminal only leaves more room for the last column. */
const usualWidth = 80
const widest = 160

export function openOutput(): Output {
  const { stdout, stderr } = process
  // A reader that has seen enough (`| head`) is not a mistake.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  const isTerminal = stdout.isTTY
  const width = isTerminal ? Math.min(Math.max(stdout.columns || usualWidth, usualWidth), widest) : usualWidth
  return {
    isTerminal,
    width,
    line: (text = '') => void stdout.write(`${text}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(plain(value))}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    clear: () => void stdout.write('\x1b[H\x1b[2J'),
    style: (style, text) => styleText(style, text, { stream: stdout }),
    async written() {
      await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))))
    },
  }
}

/** What JSON would lose or refuse, as the nearest thing that it keeps. */
export function plain(value: unknown, above: readonly unknown[] = []): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'symbol' || typeof value === 'function') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (above.includes(value)) return '(circular)'
  const inside = [...above, value]
  const each = (one: unknown): unknown => plain(one, inside)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof RegExp || value instanceof URL) return String(value)
  if (value instanceof Error)
    return { name: value.name, message: value.message, ...(each(Object.fromEntries(Object.entries(value))) as object) }
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (value instanceof Set) return [...value].map(each)
  if (value instanceof Map) {
    const isNamed = [...value.keys()].every((key) => typeof key === 'string')
    return isNamed ? each(Object.fromEntries(value)) : [...value].map(each)
  }
  if (Array.isArray(value)) return value.map(each)
  if ('toJSON' in value && typeof value.toJSON === 'function') return each(value.toJSON())
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, each(one)]))
}
