/** What a hurried person types: one or two sentences with a code, the right exit code, and no stack. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cli, openCli } from '#test/support/cli.ts'
import { commands } from '#bin/commands.ts'

let cli: Cli

beforeAll(async () => {
  cli = await openCli()
  await cli.up()
})

afterAll(async () => {
  await cli.close()
})

const mistakes: readonly (readonly [string, number, RegExp])[] = [
  ['pss', 2, /Did you mean "perdure ps"\?.*usage\.invalid/],
  ['list', 2, /Did you mean "perdure ps"\?/],
  ['--limit ps', 2, /The command comes before its flags/],
  ['ps --stat paid', 2, /no flag --stat .*Did you mean --state\?/],
  ['ps --limit many', 2, /must be a whole number/],
  ['ps --health ill', 2, /one of progressing, waiting/],
  ['ps --realm', 2, /--realm needs a value/],
  ['ps --json=yes', 2, /takes no value/],
  ['ps --realm a_b', 2, /config\.invalid/],
  ['ps --realm nowhere', 3, /realm\.missing/],
  ['ps --servers nats://127.0.0.1:1', 3, /No NATS server answers .*bus\.unreachable/],
  ['ps --config absent.json', 2, /config\.unreadable/],
  ['show', 2, /Name one actor/],
  ['show order', 2, /address\.invalid/],
  ['show order/99', 3, /actor\.unknown/],
  ['history order/99', 3, /actor\.unknown/],
  ['history topic a..b', 2, /pattern\.invalid/],
  ['send', 2, /To whom\?/],
  ['send order/1', 2, /The event is missing/],
  ['send order/1 {"type":', 2, /is not JSON/],
  ['send order/1 {"amount":1}', 2, /event\.untyped/],
  ['send order/1 PAY 5', 2, /name=value/],
  ['send order/1 PAY amount=1 amount=2', 2, /"amount" is given twice/],
  ['up --dir /dev/null', 2, /The setting dir is "\/dev\/null" \(from --dir\).*config\.invalid/],
  ['up --dir /dev/null/below', 2, /config\.invalid/],
  [`send order/${'k'.repeat(129)} PAY`, 2, /key\.tooLong/],
  ['ask counter/x GET --timeout 200ms', 4, /ask\.deadline/],
  ['ask counter/x GET --timeout soon', 2, /such as 500ms/],
  ['ask counter/x ADD --until done --timeout 200ms', 4, /wait\.deadline/],
  ['parked show x', 2, /not a place/],
  ['parked show 999999', 3, /parked\.absent/],
  ['parked replay', 2, /Name places/],
  ['timers cancel order/99 x', 3, /actor\.unknown/],
  ['effects resolve order/99 x', 2, /Say how it ended/],
  ['stop order/99', 3, /actor\.unknown/],
  ['start order/1 --input {x', 2, /is not JSON/],
  ['config durabilty', 2, /Did you mean durability\?/],
  ['completion tcsh', 2, /no completion for "tcsh"/],
  ['bench w99', 2, /no work "w99"/],
  ['help nope', 2, /no command "nope"/],
  ['up now', 2, /takes no words/],
]

test.each(mistakes)('perdure %s ends with %i', async (line, code, says) => {
  const ran = await cli.run(line.split(' '))
  expect(ran).toMatchObject({ code, out: '' })
  expect(ran.err).toMatch(/^perdure: .*\([a-z]+\.[a-zA-Z]+\)\n$/)
  expect(ran.err).toMatch(says)
  expect(ran.err).not.toMatch(/^\s+at /m)
})

test('with --json a fault is one JSON object on standard error', async () => {
  const { code, out, err } = await cli.run(['show', 'order/99', '--json'])
  expect({ code, out }).toEqual({ code: 3, out: '' })
  expect(JSON.parse(err)).toEqual({
    fault: { code: 'actor.unknown', message: expect.any(String), details: { value: 'order/99' } },
  })
})

test('every command explains itself with an example, in 80 columns and without colours', async () => {
  const names = Object.keys(commands)
  const helps = await Promise.all(['', ...names].map((name) => cli.run(name === '' ? ['--help'] : [name, '--help'])))
  for (const [at, { code, out, err }] of helps.entries()) {
    expect({ code, err }).toEqual({ code: 0, err: '' })
    // An example is there to be copied, so it is never broken into lines.
    expect(out.split('\n').filter((line) => line.length > 80 && !line.startsWith('  perdure '))).toEqual([])
    expect(out).not.toContain('\u001B')
    if (at > 0) expect(out).toMatch(/Examples?:\n {2}perdure /)
  }
})

test('the version, the exit codes and the completions are there', async () => {
  expect((await cli.run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(await cli.json('help', 'exit-codes')).toMatchObject([
    { code: 0 },
    { code: 1 },
    { code: 2 },
    { code: 3 },
    { code: 4 },
    { code: 130 },
    { code: 143 },
  ])
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { out } = await cli.run(['completion', shell])
    for (const word of ['up', 'parked', 'replay', 'health']) expect(out).toContain(word)
  }
})

test('a question that is interrupted ends with 130 and is taken back', async () => {
  // The question itself creates the actor, so it has arrived when that is there.
  const arrived = async (): Promise<void> => {
    while ((await cli.run(['show', 'counter/i'])).code !== 0);
  }
  const asking = cli.run(['ask', 'counter/i', 'GET', '--timeout', '50s'], { signal: { name: 'SIGINT', when: arrived } })
  expect(await asking).toEqual({ code: 130, out: '', err: '' })
})
