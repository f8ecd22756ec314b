import { expect, test } from 'vitest'
import { edgeFaults, isPure, purityFaults } from './purity.ts'
import { layers, planted, sourcesOf } from './source.ts'

test('the pure layers use no clock, no randomness and nothing outside', () => {
  expect(purityFaults(sourcesOf(layers))).toEqual([])
})

test('only bin/ has the console and the exit, only config/ reads the environment', () => {
  expect(edgeFaults(sourcesOf(layers))).toEqual([])
})

test('the pure layers are protocol/, the machines and runtime/core/', () => {
  expect(['protocol/a.ts', 'actors/a.ts', 'runtime/core/a.ts'].every(isPure)).toBe(true)
  expect(['runtime/a.ts', 'actors/drivers/a.ts', 'store/a.ts', 'bin/a.ts'].some(isPure)).toBe(false)
})

test.each([
  `const at = Date.now()`,
  `const at = Date['now']()`,
  `const at = new Date()`,
  `const at = Date()`,
  `const now = Date.now`,
  `const { now } = Date`,
  `const at = performance.now()`,
  `const { now } = performance`,
  `const die = Math.random()`,
  `const id = crypto.randomUUID()`,
  `import { randomUUID } from 'node:crypto'`,
  `import * as crypto from 'node:crypto'`,
  `import { readFileSync } from 'node:fs'`,
  `import { connect } from 'node:net'`,
  `import { setTimeout } from 'node:timers/promises'`,
  `const fs = await import('node:fs')`,
  `setTimeout(() => {}, 10)`,
  `const home = process.env['HOME']`,
  `const run = { process }`,
  `const run = (at = Date.now()) => at`,
  'const text = `${Date.now()}`',
])('planted in a pure layer: %s', (line) => {
  expect(purityFaults(planted('runtime/core/step.ts', line))).not.toEqual([])
})

test.each([
  `const at = new Date(0)`,
  `const at = Date.parse('2025-01-01')`,
  `const isDate = (value: unknown) => value instanceof Date`,
  `// Date.now() would make two nodes disagree`,
  `const text = 'Math.random()'`,
  `const step = (process: () => number) => process()`,
  `type Clock = { readonly now: () => number; readonly setTimeout: number }`,
  `const clock = { setTimeout: 1 }; export const after = clock.setTimeout`,
  `import { createHash } from 'node:crypto'`,
  `import type { Socket } from 'node:net'`,
])('pure: %s', (line) => {
  expect(purityFaults(planted('runtime/core/step.ts', line))).toEqual([])
})

test.each([
  ['runtime/loop.ts', `console.log('here')`],
  ['store/lmdb.ts', `process.exit(1)`],
  ['runtime/loop.ts', `const { exit } = process`],
  ['runtime/loop.ts', `const home = process.env.HOME`],
  ['bin/main.ts', `const { env } = process`],
  ['bin/main.ts', `import { env } from 'node:process'`],
  ['config/read.ts', `console.warn('odd')`],
])('planted at an edge: %s %s', (path, line) => {
  expect(edgeFaults(planted(path, line))).not.toEqual([])
})

test.each([
  ['bin/main.ts', `console.log('ready'); process.exitCode = 1`],
  ['config/read.ts', `const home = process.env['HOME']`],
  ['runtime/loop.ts', `const pid = process.pid; process.on('SIGTERM', () => {})`],
])('allowed at an edge: %s %s', (path, line) => {
  expect(edgeFaults(planted(path, line))).toEqual([])
})
