/**
 * Whether a figure is good enough. Absolute targets were set on one kind of machine; where raw
 * JetStream itself is slower in this run than it was there, they shrink with it, and never grow.
 * Pure.
 */
import { rounded } from './figures.ts'
import type { Figure, Raw, RawName } from './work.ts'

export type Reference = Readonly<Record<RawName, number>>

/** One line of the answer. */
export type Verdict = {
  readonly value: number
  readonly unit: string
  readonly raw?: number
  readonly ratio?: number
  readonly target?: number
  readonly ratioTarget?: number
  readonly met: boolean
}

export function verdictOf(figure: Figure, reference: Reference): Verdict {
  const { value, unit, better, raw, ratioTarget } = figure
  const ratio = raw === undefined ? undefined : value / raw.value
  const target =
    figure.target === undefined
      ? ratioTarget === undefined || raw === undefined
        ? undefined
        : ratioTarget * raw.value
      : scaled(figure.target, better, raw === undefined ? 1 : speedOf(raw, reference))
  const reaches = (have: number, want: number | undefined): boolean =>
    want === undefined || (better === 'more' ? have >= want : have <= want)
  return {
    value: rounded(value),
    unit,
    ...(raw === undefined ? {} : { raw: rounded(raw.value) }),
    ...(ratio === undefined ? {} : { ratio: rounded(ratio) }),
    ...(target === undefined ? {} : { target: rounded(target) }),
    ...(ratioTarget === undefined ? {} : { ratioTarget }),
    met: reaches(value, target) && (ratio === undefined || reaches(ratio, ratioTarget)),
  }
}

/** How fast this machine is now, measured by the reference; 1 and more is as fast. */
function speedOf({ name, value }: Raw, reference: Reference): number {
  const isTime = name === 'hop' || name === 'boot'
  return isTime ? reference[name] / value : value / reference[name]
}

function scaled(target: number, better: Figure['better'], speed: number): number {
  const share = Math.min(1, speed)
  return better === 'more' ? target * share : target / share
}
