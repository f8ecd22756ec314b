/** `perdure restore --forget-sealed`: what restores left behind goes, and with it the past before the last one. */
import type { Call } from '#bin/command.ts'
import { bytesText, plural } from '#bin/layout.ts'
import { openSealedGenerations } from '#runtime/nats/sealed-generations.ts'
import { reachOf } from '#runtime/wiring.ts'
import { isAgreed } from './ask-yes.ts'

export async function forgetSealed(call: Call): Promise<0 | 1> {
  const { config, out } = call
  await using sealed = await openSealedGenerations(await reachOf(config))
  const all = await sealed.list()
  if (!call.json && all.length === 0) {
    out.line('There is no sealed generation.')
    return 0
  }
  const bytes = bytesText(all.reduce((sum, one) => sum + one.bytes, 0))
  const question = `remove ${plural(all.length, 'sealed generation')} (${bytes})? What was before the last restore is then only in cuts.`
  if (!(await isAgreed(call, question, { name: 'restore' }))) return 1
  for (const one of await sealed.forget()) {
    if (call.json) out.json(one)
    else out.line(`generation ${one.generation} is gone: ${bytesText(one.bytes)}`)
  }
  return 0
}
