/**
 * The last lines of a run: what failed, why tests were skipped, and one plain line of counts
 * that a machine reads as easily as a person. It is a vitest reporter, and it keeps no state
 * but the tasks that vitest hands to it.
 */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export type Counts = {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Skips by the sentence that explains them. */
  readonly reasons: ReadonlyMap<string, number>
  /** What a test passed with, but wants to be read. */
  readonly warnings: readonly string[]
  /** What tests found out in numbers. */
  readonly measured: readonly string[]
}

/** A file that does not load, or a hook that throws, holds no failed test but is a failure. */
export function countsOf(modules: readonly TestModule[], unhandled: number): Counts {
  let passed = 0
  let failed = unhandled
  let skipped = 0
  const reasons = new Map<string, number>()
  const warnings: string[] = []
  const measured: string[] = []
  for (const module of modules) {
    if (module.errors().length > 0) failed += 1
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) failed += 1
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      for (const { type, message } of test.annotations()) {
        if (type === 'warning') warnings.push(message)
        if (type === 'measured') measured.push(message)
      }
      if (state === 'passed') passed += 1
      else if (state === 'failed') failed += 1
      else {
        skipped += 1
        const reason = reasonOf(test)
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      }
    }
  }
  return { passed, failed, skipped, reasons, warnings, measured }
}

function reasonOf(test: TestCase): string {
  const result = test.result()
  return (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given'
}

export function summaryOf({ passed, failed, skipped, reasons, warnings, measured }: Counts): string {
  const lines = [
    ...measured.map((sentence) => `measured: ${sentence}`),
    ...warnings.map((sentence) => `warning: ${sentence}`),
    ...[...reasons].map(([reason, count]) => `skipped ${count}: ${reason}`),
  ]
  const tail = skipped === 0 ? '' : `, ${skipped} skipped`
  return [...lines, `${passed} passed, ${failed} failed${tail}`].join('\n')
}

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    process.stdout.write(`\n${summaryOf(countsOf(modules, errors.length))}\n`)
  }
}
