/**
 * One line for all stages. A stage that ended badly without a failed test to show for it (a
 * file that does not load, an unhandled rejection, a time-out) counts as one failure, and so
 * does a test run that wrote no report: silence is never green.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const reports = process.argv[2] ?? '.'
let passed = 0
let failed = 0
let skipped = 0

for (const name of readdirSync(reports)
  .filter((file) => file.endsWith('.code'))
  .map((file) => file.slice(0, -'.code'.length))) {
  const code = Number(readFileSync(join(reports, `${name}.code`), 'utf8'))
  const file = join(reports, `${name}.json`)
  const report = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
  const broken = report?.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  const stageFailed = (report?.numFailedTests ?? 0) + (broken?.length ?? 0)
  passed += report?.numPassedTests ?? 0
  skipped += (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0)
  failed += stageFailed === 0 && code !== 0 ? 1 : stageFailed
  if (code !== 0) console.log(`${name} failed (exit code ${code})`)
  // Told again at the end: a long log may be kept from its end only.
  for (const file of report?.testResults ?? []) {
    const red = file.assertionResults.filter((test) => test.status === 'failed')
    for (const { fullName, failureMessages = [] } of red) say(file, fullName, failureMessages.join('\n'))
    if (broken.includes(file)) say(file, 'it does not load', file.message)
  }
}

function say({ name = '' }, test, text = '') {
  const plain = stripVTControlCharacters(text).split('\n').slice(0, 12)
  console.log(`failed: ${relative('.', name)} > ${test}\n${plain.map((line) => `  ${line.slice(0, 400)}`).join('\n')}`)
}

if (passed === 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`)
process.exitCode = failed === 0 ? 0 : 1
