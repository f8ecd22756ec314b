/** `npm run bench`, without the rest of the command line: `node bench/main.ts [work…] [--json] [--quick]`. */
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { runBench, works } from './index.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string', default: tmpdir() },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log('node bench/main.ts [work…] [--json] [--quick] [--rounds 5] [--dir path] [--profile path]\n')
  for (const { name, title } of works) console.log(`  ${name.padEnd(14)} ${title}`)
} else {
  const isMet = await runBench(positionals, {
    json: values.json,
    quick: values.quick,
    rounds: Math.max(1, Number(values.rounds) || 1),
    dir: values.dir,
    profile: values.profile,
    write: (line) => console.log(line),
    note: (line) => console.error(line),
  })
  process.exitCode = isMet ? 0 : 1
}
