/** Where holding what the log may forget is of use, and where it is off by itself. */
import { expect, test } from 'vitest'
import { openConfig } from '#config/open-config.ts'
import { nodeOptionsOf } from '#config/options.ts'

const keptMs = (flags: Record<string, string>): number => nodeOptionsOf(openConfig({ flags, env: {} })).mendKeepMs

test('one server that syncs before it acknowledges forgets nothing that is worth holding, unless it is asked for', () => {
  expect(keptMs({ durability: 'process' })).toBe(240_000)
  expect(keptMs({ durability: 'power' })).toBe(0)
  expect(keptMs({ durability: 'power', replicas: '3' })).toBe(240_000)
  expect(keptMs({ durability: 'power', 'mend-keep-ms': '1m' })).toBe(60_000)
})
