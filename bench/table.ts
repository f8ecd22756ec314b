/** The figures as people read them. Pure. */
import type { Verdict } from './verdict.ts'

const widths = [24, 12, 10, 12, 8, 14, 6] as const
const heads = ['work', 'value', 'unit', 'raw', 'ratio', 'target', 'met'] as const

export function headLine(): string {
  return lineOf(heads)
}

export function rowOf(name: string, verdict: Verdict, better: 'more' | 'less'): string {
  const { value, unit, raw, ratio, target, met } = verdict
  const sign = better === 'more' ? '>=' : '<='
  return lineOf([
    name,
    shown(value),
    unit,
    shown(raw),
    shown(ratio),
    target === undefined ? '' : `${sign} ${shown(target)}`,
    met ? 'yes' : 'NO',
  ])
}

function lineOf(cells: readonly string[]): string {
  return cells
    .map((cell, at) => cell.padEnd(widths[at] ?? 0))
    .join(' ')
    .trimEnd()
}

function shown(value: number | undefined): string {
  return value === undefined ? '' : value.toLocaleString('en-US', { maximumSignificantDigits: value >= 1000 ? 9 : 3 })
}
