/** Text for people: columns, wrapped paragraphs, ages and amounts. Pure; the width is given. */
import { stripVTControlCharacters } from 'node:util'

export function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)))
}

/** Ends in an ellipsis when something was left out. */
export function clip(text: string, width: number): string {
  const flat = text.replaceAll(/\s+/g, ' ')
  return lengthOf(flat) <= width ? flat : `${stripVTControlCharacters(flat).slice(0, Math.max(0, width - 1))}…`
}

export type Column = { readonly head: string; readonly most?: number }

/** The last column gets what is left. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const widths = columns.map(({ head, most = Infinity }, at) =>
    Math.min(most, Math.max(lengthOf(head), ...rows.map((row) => lengthOf(row[at] ?? '')))),
  )
  const line = (cells: readonly string[]): string => {
    let text = ''
    for (const [at, cell] of cells.entries()) {
      const left = width - lengthOf(text)
      const isLast = at === cells.length - 1
      const room = isLast ? left : (widths[at] ?? 0)
      const shown = lengthOf(cell) > room ? clip(cell, room) : cell
      text += isLast ? shown : `${pad(shown, room)}  `
    }
    return text.trimEnd()
  }
  const heads = columns.map(({ head }) => head)
  return [...(heads.every((head) => head === '') ? [] : [line(heads)]), ...rows.map(line)]
}

export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line)
      line = indent
    }
    line += line.length > indent.length ? ` ${word}` : word
  }
  return [...lines, line]
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** In its two largest units: `14m 50s`, `2d 3h`, `340ms`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}ms`
  const parts: string[] = []
  let rest = ms
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

export function dueText(due: number, now: number): string {
  if (due === now) return 'now'
  return due > now ? `in ${span(due - now)}` : `${span(now - due)} ago`
}

/** Local time, to the second; without the day when it is today's. */
export function timeText(at: number, now: number): string {
  const [day, time] = stamp(at)
  return day === stamp(now)[0] ? time : `${day} ${time}`
}

function stamp(at: number): readonly [string, string] {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  return [
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
  ]
}

export function bytesText(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(bytes >= 10 * size ? 0 : 1)} ${unit}`
  }
  return `${bytes} B`
}

/** A state's value as one would say it: `paid`, `open.waiting`, `(a, b.c)` for parallel ones. */
export function stateText(value: unknown, status = 'active'): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object' || value === null) return status === 'active' ? '-' : status
  if (Object.keys(value).length === 0) return '-'
  const parts = Object.entries(value).map(([key, below]) => {
    const rest = typeof below === 'object' && below !== null && Object.keys(below).length === 0 ? '' : stateText(below)
    return rest === '' ? key : `${key}.${rest}`
  })
  return parts.length === 1 ? (parts[0] ?? '-') : `(${parts.join(', ')})`
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Numbers as people write them: `0-3, 7, 12-13`. */
export function rangesText(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].toSorted((a, b) => a - b)
  const ranges: { from: number; to: number }[] = []
  for (const number of sorted) {
    const last = ranges.at(-1)
    if (last !== undefined && number === last.to + 1) last.to = number
    else ranges.push({ from: number, to: number })
  }
  return ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
}
