/** What a kind says of one of its effects; a bare list of names says nothing more. */
import type { EffectPolicy, KindOptions } from '#protocol/actor.ts'

export function effectPolicyOf({ effects }: Pick<KindOptions, 'effects'>, name: string): EffectPolicy {
  if (effects === undefined || Array.isArray(effects)) return {}
  return (effects as Readonly<Record<string, EffectPolicy>>)[name] ?? {}
}
