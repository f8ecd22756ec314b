/** What a kind says of one of its effects; a bare list of names says nothing more. */
import type { EffectPolicy, KindOptions } from '#protocol/actor.ts'
import { Fault } from '#protocol/fault.ts'

export function effectPolicyOf({ effects }: Pick<KindOptions, 'effects'>, name: string): EffectPolicy {
  if (effects === undefined || Array.isArray(effects)) return {}
  return (effects as Readonly<Record<string, EffectPolicy>>)[name] ?? {}
}

/** Its kind names the effects that it may ask for, and this is none of them. */
export function undeclared(kind: string, { effects = {} }: Pick<KindOptions, 'effects'>, name: string): Fault {
  const names: readonly string[] = Array.isArray(effects) ? effects : Object.keys(effects)
  return new Fault('effect.undeclared', { kind, value: name, known: names.join(', ') || 'none' })
}
