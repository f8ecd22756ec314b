/** Where a server is looked for, and what is said about one that cannot be used. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findServer, type FindOptions } from '#runtime/server/find-server.ts'
import { natsServer } from '#test/support/nats.ts'

let dir: string
let notes: string[]
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'perdure-find-'))
  notes = []
})
afterEach(async () => await rm(dir, { recursive: true, force: true }))

async function program(place: string, script: string): Promise<string> {
  await mkdir(join(dir, place), { recursive: true })
  const file = join(dir, place, 'nats-server')
  await writeFile(file, `#!/bin/sh\n${script}\n`)
  await chmod(file, 0o755)
  return file
}

const old = 'echo "nats-server: v2.9.10"'

async function real(place: string): Promise<string> {
  await mkdir(join(dir, place), { recursive: true })
  const file = join(dir, place, 'nats-server')
  await symlink(natsServer(), file)
  return file
}

async function find(change: Partial<FindOptions> = {}) {
  const options = { searchPath: '', cacheDir: join(dir, 'cache'), minimum: '2.12.1', ...change }
  return await findServer({ ...options, onNote: (line) => notes.push(line) })
}

test('nothing anywhere is no server', async () => {
  expect(await find({ searchPath: join(dir, 'empty') })).toBeUndefined()
  expect(notes).toEqual([])
})

test('a server on PATH that is too old is skipped with a line that says so', async () => {
  const binary = await program('bin', old)
  expect(await find({ searchPath: join(dir, 'bin') })).toBeUndefined()
  expect(notes).toEqual([`skipping ${binary}: it is 2.9.10, and 2.12.1 or newer is needed`])
})

test('an old server on PATH does not hide a newer one behind it, nor the one in the cache', async () => {
  await program('bin', old)
  const cached = await real('cache/nats-server')
  expect(await find({ searchPath: join(dir, 'bin') })).toMatchObject({ binary: cached, from: 'cache' })
  const later = await real('later')
  const searchPath = [join(dir, 'bin'), join(dir, 'later')].join(delimiter)
  expect(await find({ searchPath })).toMatchObject({ binary: later, from: 'path' })
  expect(notes).toHaveLength(2)
})

test('PATH comes before the cache', async () => {
  await real('cache/nats-server')
  const binary = await real('bin')
  expect(await find({ searchPath: join(dir, 'bin') })).toMatchObject({ binary, from: 'path' })
})

test('what does not run is skipped with its reason', async () => {
  await program('bin', 'echo "cannot execute" >&2; exit 126')
  await program('cache/nats-server', 'echo hello')
  expect(await find({ searchPath: join(dir, 'bin') })).toBeUndefined()
  expect(notes.join('\n')).toMatch(/does not run.*cannot execute[^]*does not run.*hello/)
})

test('a configured server is used whatever else there is', async () => {
  await real('bin')
  const configured = await real('mine')
  expect(await find({ configured, searchPath: join(dir, 'bin') })).toMatchObject({
    binary: configured,
    from: 'configured',
  })
})

test('a configured server that is too old is an error and not skipped', async () => {
  await real('bin')
  const configured = await program('mine', old)
  await expect(find({ configured, searchPath: join(dir, 'bin') })).rejects.toMatchObject({
    code: 'server.tooOld',
    details: { value: configured, have: '2.9.10', want: '2.12.1' },
  })
})

test('a configured server that is not there is an error', async () => {
  const configured = join(dir, 'absent')
  await expect(find({ configured })).rejects.toMatchObject({ code: 'server.unusable', details: { value: configured } })
})
