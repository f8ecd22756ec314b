/**
 * What a setting's value may be: how it is read from the text of a flag or a variable, or from
 * the JSON of a file, what it must be in words, and how it is written so that it can be read
 * again. Pure; a value that does not fit is `undefined`, and only the reader of all settings
 * knows from where it came and what to say.
 */

export type ValueType<T> = {
  /** Ends the sentence "it must be …". */
  readonly must: string
  /** What a plain number means; empty for values that are no amount. */
  readonly unit: string
  read(raw: unknown): T | undefined
  write(value: T): string
}

const asText = (value: unknown): string => String(value)

export function text(must = 'a text', pattern = /^[^\0\r\n]{1,1024}$/): ValueType<string> {
  return {
    must,
    unit: '',
    write: asText,
    read: (raw) => (typeof raw === 'string' && pattern.test(raw) ? raw : undefined),
  }
}

export function oneOf<const T extends string>(...choices: readonly T[]): ValueType<T> {
  const must = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
  return { must, unit: '', write: asText, read: (raw) => choices.find((choice) => choice === raw) }
}

export function flag(): ValueType<boolean> {
  const words = new Map<unknown, boolean>([
    [true, true],
    ['true', true],
    ['yes', true],
    ['1', true],
    [false, false],
    ['false', false],
    ['no', false],
    ['0', false],
  ])
  return { must: 'true or false', unit: '', write: asText, read: (raw) => words.get(raw) }
}

export type Range = { readonly min: number; readonly max: number }

export function count({ min, max }: Range, unit = ''): ValueType<number> {
  const must = `a whole number from ${min} to ${max}`
  return { must, unit, write: asText, read: (raw) => within(plainNumberOf(raw), min, max) }
}

/** A part of something, or the word for letting it follow from the rest. */
export function shareOr<const T extends string>(word: T): ValueType<number | T> {
  return {
    must: `a share from 0 to 1, such as 0.1, or ${word}`,
    unit: '',
    write: asText,
    read(raw) {
      if (raw === word) return word
      const value = typeof raw === 'string' && /^\d*\.?\d+$/.test(raw) ? Number(raw) : raw
      return typeof value === 'number' && value >= 0 && value <= 1 ? value : undefined
    },
  }
}

export function oneOfNumbers(...choices: readonly number[]): ValueType<number> {
  const must = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
  return { must, unit: '', write: asText, read: (raw) => choices.find((choice) => choice === plainNumberOf(raw)) }
}

/** 0 means what the setting's reason says: none, or any free one. */
export function port(): ValueType<number> {
  return { ...count({ min: 0, max: 65_535 }), must: 'a port number from 0 to 65535' }
}

const milliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const bytes = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

export function duration({ min, max }: Range): ValueType<number> {
  const write = (value: number): string => amountText(value, milliseconds)
  const must = `a time from ${write(min)} to ${write(max)}, such as 500ms, 30s, 5m, 24h or 30d`
  return { must, unit: 'ms', write, read: (raw) => within(amountOf(raw, milliseconds), min, max) }
}

export function size({ min, max }: Range): ValueType<number> {
  const write = (value: number): string => amountText(value, bytes)
  const must = `a size from ${write(min)} to ${write(max)}, such as 512KiB, 64MB or 1GB`
  return { must, unit: 'bytes', write, read: (raw) => within(amountOf(raw, bytes), min, max) }
}

/** A JSON array, or one text with commas. */
export function list(
  of: ValueType<string>,
  { mayBeEmpty = false }: { readonly mayBeEmpty?: boolean } = {},
): ValueType<readonly string[]> {
  return {
    must: `a list, each ${of.must}`,
    unit: '',
    write: (values) => values.join(','),
    read(raw) {
      const parts = raw === '' ? [] : typeof raw === 'string' ? raw.split(',').map((part) => part.trim()) : raw
      if (!Array.isArray(parts) || (parts.length === 0 && !mayBeEmpty)) return undefined
      const values = parts.map((part) => of.read(part))
      return values.every((value) => value !== undefined) ? values : undefined
    },
  }
}

/** A setting that may be absent, and is when nobody sets it. */
export function optional<T>(type: ValueType<T>): ValueType<T | undefined> {
  return { ...type, write: (value) => (value === undefined ? '' : type.write(value)) }
}

function plainNumberOf(raw: unknown): number | undefined {
  if (typeof raw === 'number') return raw
  return typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : undefined
}

function within(value: number | undefined, min: number, max: number): number | undefined {
  return value !== undefined && Number.isSafeInteger(value) && value >= min && value <= max ? value : undefined
}

function amountOf(raw: unknown, units: Readonly<Record<string, number>>): number | undefined {
  const plain = plainNumberOf(raw)
  if (plain !== undefined || typeof raw !== 'string') return plain
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([a-zA-Z]+)$/.exec(raw) ?? []
  const factor = unit === undefined ? undefined : units[unit]
  return factor === undefined ? undefined : Math.round(Number(amount) * factor)
}

/** In the largest unit that leaves a whole number. */
function amountText(value: number, units: Readonly<Record<string, number>>): string {
  if (value === 0) return '0'
  const [unit, factor] = Object.entries(units)
    .filter(([, factor]) => value % factor === 0)
    .reduce((best, each) => (each[1] > best[1] ? each : best))
  return `${value / factor}${unit}`
}
