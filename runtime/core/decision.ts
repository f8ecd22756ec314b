/**
 * The decision record of a step (kinds that ask for it): for each guarded choice that was faced,
 * the options there were, by target and guard, and the one taken. It is read off XState's own
 * microsteps afterwards, so it cannot change what is decided.
 *
 * A confidence is there only where the machine gives one, in this order: `meta.confidence` of
 * the transition taken (a number, or a function of `{ context, event }`), `confidence` of the
 * event, `output.confidence` of the event (an invoked model's answer).
 */
import type { AnyMachineSnapshot, AnyStateNode, AnyTransitionDefinition } from 'xstate'
import type { Decision } from '#protocol/record.ts'
import type { LiveSnapshot } from './machine-step.ts'
import { guardNameOf } from './names.ts'
import type { Microstep } from './macrostep.ts'

type Option = Decision['options'][number]

export function decisionOf(before: LiveSnapshot | undefined, microsteps: readonly Microstep[]): Decision | undefined {
  const options: Option[] = []
  let confidence: number | undefined
  let present = before
  for (const { event, snapshot, transitions } of microsteps) {
    const taken = new Set(transitions)
    for (const choice of choicesOf(present, event.type, taken)) {
      for (const option of choice) {
        options.push({ target: targetsOf(option), guard: guardNameOf(option.guard), chosen: taken.has(option) })
        if (taken.has(option)) confidence ??= confidenceOf(option, present, event)
      }
    }
    present = snapshot
  }
  if (options.length === 0) return undefined
  return { options, ...(confidence === undefined ? {} : { confidence }) }
}

/** The candidate lists with at least one guard that XState went through, innermost state first. */
function choicesOf(
  snapshot: LiveSnapshot | undefined,
  type: string,
  taken: ReadonlySet<AnyTransitionDefinition>,
): readonly (readonly AnyTransitionDefinition[])[] {
  const nodes = (snapshot as AnyMachineSnapshot | undefined)?._nodes as readonly AnyStateNode[] | undefined
  if (nodes === undefined) return []
  const eventless = [...taken].some((one) => one.eventType === '')
  const choices: (readonly AnyTransitionDefinition[])[] = []
  const seen = new Set<AnyStateNode>()
  for (const atomic of nodes) {
    if (atomic.type !== 'atomic' && atomic.type !== 'final') continue
    for (let node: AnyStateNode | undefined = atomic; node !== undefined; node = node.parent) {
      const candidates = eventless ? (node.always ?? []) : candidatesOf(node, type)
      if (!seen.has(node) && candidates.some((one) => one.guard !== undefined)) choices.push(candidates)
      seen.add(node)
      if (candidates.some((one) => taken.has(one))) break
    }
  }
  return choices
}

/** As XState orders them: the exact type, then wildcards from the longest to `*`. */
function candidatesOf(node: AnyStateNode, type: string): readonly AnyTransitionDefinition[] {
  const found: AnyTransitionDefinition[] = [...(node.transitions.get(type) ?? [])]
  const wild = [...node.transitions.keys()].filter((one) => one !== type && isWildcardFor(one, type))
  for (const descriptor of wild.sort((a, b) => b.length - a.length))
    found.push(...(node.transitions.get(descriptor) ?? []))
  return found
}

function isWildcardFor(descriptor: string, type: string): boolean {
  if (descriptor === '*') return true
  if (!descriptor.endsWith('.*')) return false
  const stem = descriptor.slice(0, -2)
  return type === stem || type.startsWith(`${stem}.`)
}

function targetsOf({ target }: AnyTransitionDefinition): string[] {
  return ((target ?? []) as readonly AnyStateNode[]).map(({ id }) => id)
}

function confidenceOf(
  { meta }: AnyTransitionDefinition,
  snapshot: LiveSnapshot | undefined,
  event: Microstep['event'],
): number | undefined {
  const told = (meta as { confidence?: unknown } | undefined)?.confidence
  const context = (snapshot as { context?: unknown } | undefined)?.context
  const { confidence, output } = event as { confidence?: unknown; output?: { confidence?: unknown } }
  return [typeof told === 'function' ? told({ context, event }) : told, confidence, output?.confidence].find(
    isConfidence,
  )
}

function isConfidence(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
