/** One call of a command: what it may ask for, opened when it asks and closed when it ends. */
import { type Config, openConfig } from '#config/open-config.ts'
import { openConfiguredRealm } from '#runtime/wiring.ts'
import type { RealmHandle } from '#runtime/index.ts'
import type { Call } from './command.ts'
import { exitCodeOfSignal } from './exit-codes.ts'
import type { Output } from './output.ts'
import type { ParsedLine } from './parse-line.ts'
import { hearSignals } from './signals.ts'

export function openCall(line: ParsedLine, out: Output): { readonly call: Call; end(): Promise<void> } {
  let config: Config | undefined
  let realm: Promise<RealmHandle> | undefined
  let interrupt: ((signal: NodeJS.Signals) => void) | undefined
  const leave = (signal: NodeJS.Signals): void => process.exit(exitCodeOfSignal(signal))
  const signals = hearSignals((signal) => (interrupt ?? leave)(signal), leave)

  const call: Call = {
    ...line,
    json: line.is('json'),
    out,
    get config() {
      return (config ??= openConfig({ flags: line.settings }))
    },
    realm(client) {
      return (realm ??= openConfiguredRealm(call.config, { client }))
    },
    onInterrupt(end) {
      interrupt = end
    },
  }
  return {
    call,
    async end() {
      // What failed to open was told already.
      const opened = await realm?.catch(() => undefined)
      await opened?.close()
      signals.stop()
    },
  }
}
