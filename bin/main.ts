/** The command line: finds the command, reads its flags, does it, and says how it ended. */
import { readFileSync } from 'node:fs'
import { guessOf } from '#config/guess.ts'
import { openConfig } from '#config/open-config.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import { openCall } from './call.ts'
import { loaderOf, meantBy } from './commands.ts'
import { complain } from './complain.ts'
import { type ExitCode, exitCodeOf } from './exit-codes.ts'
import { commandNames, helpOf, overview } from './help.ts'
import { openOutput } from './output.ts'
import { parseLine } from './parse-line.ts'

const out = openOutput()

async function main([name, ...rest]: readonly string[]): Promise<ExitCode> {
  if (name === undefined || name === '--help' || name === '-h') {
    await overview(out)
    return 0
  }
  if (name === '--version' || name === '-V' || name === '-v') {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    if (rest.includes('--json')) out.json({ version, node: process.versions.node })
    else out.line(version)
    return 0
  }
  const load = loaderOf(name)
  if (load === undefined) throw unknownCommand(name)
  const { command } = await load()
  const line = parseLine(command, rest)
  if (line.is('help')) {
    helpOf(out, command)
    return 0
  }
  const { call, end } = openCall(line, out)
  try {
    return (await command.run(call)) ?? 0
  } finally {
    await end()
  }
}

function unknownCommand(name: string): Fault {
  if (name.startsWith('-')) {
    return new Fault('usage.invalid', {
      reason: `The command comes before its flags, for example: perdure ps ${name}. "perdure help" lists the commands.`,
    })
  }
  const meant = meantBy(name) ?? guessOf(name, commandNames)
  return new Fault('usage.invalid', {
    reason: `There is no command "${name}". Did you mean "perdure ${meant}"? "perdure help" lists them all.`,
  })
}

/** Also when the rest of the line, or of the configuration, cannot be understood. */
function isDebugging(): boolean {
  const at = args.findIndex((arg) => /^--log-level\b/.test(arg))
  if (at >= 0) return /debug|trace/.test(`${args[at]} ${args[at + 1]}`)
  try {
    return /debug|trace/.test(openConfig().node['log.level'])
  } catch {
    return false
  }
}

const args = process.argv.slice(2)
let code: ExitCode
try {
  code = await main(args)
} catch (error) {
  complain(out, error, { json: args.includes('--json'), withStack: isDebugging() && !isFault(error, 'usage.invalid') })
  code = exitCodeOf(error)
}
await out.written()
// Whatever a command left open must not hold the prompt back.
process.exit(code)
