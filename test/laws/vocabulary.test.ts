import { expect, test } from 'vitest'
import { planted, sourcesOf } from './source.ts'
import { vocabularyFaults } from './vocabulary.ts'

test('the product says each thing with the one word that the design gives it', () => {
  expect(vocabularyFaults(sourcesOf(['protocol', 'runtime', 'store', 'config', 'bin']))).toEqual([])
})

test.each([
  ['runtime/loop.ts', `const lastMessage = 1`],
  ['runtime/loop.ts', `export function messageOf(): void {}`],
  ['runtime/loop.ts', `type Message = string`],
  ['runtime/loop.ts', `const each = (message_: string, messages: number) => messages`],
  ['runtime/loop.ts', `// a message arrives`],
  ['runtime/loop.ts', 'const text = `no message for ${1}`'],
  ['runtime/shard.ts', `const a = 1`],
  ['runtime/loop.ts', `type Options = { readonly shardCount: number }`],
  ['store/cut.ts', `/** Writes a checkpoint. */`],
  ['store/cut.ts', `class CheckpointWriter {}`],
  ['runtime/effects/effects.ts', `const jobs = []`],
  ['runtime/effects/effects.ts', `const text = 'the job has failed'`],
  ['runtime/node.ts', `function startService(serviceName: string) {}`],
  ['runtime/partition/claim.ts', `const fencingToken = 1`],
  ['runtime/partition/claim.ts', `// the owner's fencing token`],
])('planted in %s: %s', (path, line) => {
  expect(vocabularyFaults(planted(path, line))).not.toEqual([])
})

test.each([
  `const text = (cause: Error) => cause.message`,
  `type Issue = { readonly message: string }`,
  `// the error's message says which`,
  `const errorMessage = 'x'`,
  `const subjectTokens = subject.split('.')`,
  `// one subject token, reversibly`,
  `const subjectOfToken = tokens[1]`,
  `// 503 Service Unavailable`,
  `import { type StreamMessage as Entry } from 'elsewhere'`,
  `const status = 'service'`,
])('allowed: %s', (line) => {
  expect(vocabularyFaults(planted('runtime/loop.ts', line))).toEqual([])
})
