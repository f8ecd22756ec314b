/** Which server is new enough, and where a machine may take one from. */
import { expect, test } from 'vitest'
import { distributionOf, sourcesOf } from '#runtime/server/distribution.ts'
import { isAtLeast, parseServerVersion } from '#runtime/server/server-version.ts'

test.each([
  ['nats-server: v2.15.1', [2, 15, 1]],
  ['nats-server: v2.9.10\n', [2, 9, 10]],
  ['nats-server: v2.12.1-RC.2', [2, 12, 1]],
  ['2.12.1', [2, 12, 1]],
  ['nats-server: command not found', undefined],
  ['', undefined],
])('%j says which version it is', (text, version) => {
  expect(parseServerVersion(text)).toEqual(version)
})

test.each([
  [[2, 12, 1], true],
  [[2, 12, 0], false],
  [[2, 9, 10], false],
  [[2, 15, 1], true],
  [[3, 0, 0], true],
  [[1, 99, 99], false],
] as const)('2.12.1 or newer: %j is %s', (version, answer) => {
  expect(isAtLeast(version, [2, 12, 1])).toBe(answer)
})

const bookworm = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'
const noble = 'ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n'
const mint = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=xia\nUBUNTU_CODENAME=noble\n'

test.each([
  [bookworm, 'Debian', 'testing', 'bookworm'],
  [noble, 'Ubuntu', 'devel', 'noble'],
  [mint, 'Ubuntu', 'devel', 'noble'],
])('the newest suite of the distribution that a machine is like: %j', (text, name, suite, codename) => {
  expect(distributionOf(text)).toMatchObject({ name, suite, codename })
})

test('another system is neither', () => {
  expect(distributionOf('ID=alpine\nVERSION_ID=3.22\n')).toBeUndefined()
  expect(distributionOf('')).toBeUndefined()
})

test('the address is the one that the machine takes its own release from, never one of security or of a stranger', () => {
  const targets = [
    'Packages|nodistro|https://stranger.test/node/',
    'Packages|bookworm-security|https://mirror.test/debian-security/',
    'Packages|bookworm|https://mirror.test/debian/',
    'Translations|bookworm|https://mirror.test/other/',
    'Packages|bookworm|https://mirror.test/debian/',
    '',
  ].join('\n')
  expect(sourcesOf(targets, { codename: 'bookworm' })).toEqual(['https://mirror.test/debian/'])
})

test('a machine that follows a suite by its role is asked the same way', () => {
  const targets = 'Packages|stable|https://mirror.test/debian/\nPackages|other|https://stranger.test/x/'
  expect(sourcesOf(targets, { codename: 'trixie' })).toEqual(['https://mirror.test/debian/'])
})

test('without any sign of its own release what is configured is tried, a few at most', () => {
  const targets = [1, 2, 3, 4].map((at) => `Packages|x${at}|https://mirror.test/${at}/`).join('\n')
  expect(sourcesOf(targets, { codename: 'trixie' })).toHaveLength(3)
  expect(sourcesOf('', { codename: 'trixie' })).toEqual([])
})
