/**
 * How many servers keep the log of a directory. A server that was alone takes the streams of its
 * store for strays when it joins others, and removes them, so each number has a place of its own
 * and one place to a directory is in use.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#protocol/fault.ts'

/** The place of the server with this number of a cluster, counted from 1. */
export function memberDir(dir: string, number: number): string {
  return join(dir, 'cluster', String(number))
}

/** Throws when the log of this directory is kept by another number of servers. */
export async function requireServers(dir: string, want: number): Promise<void> {
  const have = await serversOf(dir)
  if (have !== 0 && have !== want) throw new Fault('server.otherCount', { value: dir, have, want })
}

/** 0 when nothing was kept here yet. */
async function serversOf(dir: string): Promise<number> {
  const names = await readdir(join(dir, 'cluster')).catch((): string[] => [])
  const members = names.filter((name) => /^\d+$/.test(name)).map((name) => join(dir, 'cluster', name))
  const kept = await Promise.all(members.map(hasStore))
  if (kept.includes(true)) return members.length
  return (await hasStore(join(dir, 'server'))) ? 1 : 0
}

/** The server makes this folder when it first keeps a log. */
async function hasStore(home: string): Promise<boolean> {
  return (await readdir(home).catch((): string[] => [])).includes('jetstream')
}
