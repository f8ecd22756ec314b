/**
 * What the nemesis can do to a world, each by its name, and how it is mended. Invariant: a strike
 * changes nothing that it does not mend, so that in the end everything must be well.
 */
import { streamOf } from '#protocol/realm.ts'
import type { Random } from '#test/support/workloads/random.ts'
import type { Member } from './member.ts'
import { rollBack } from './rollbacks.ts'
import type { NemesisWorld } from './world.ts'

export type Struck = {
  readonly what: string
  readonly forMs: number
  /** What is taken up by it; nothing else strikes there meanwhile. */
  readonly target: string
  mend(): Promise<void>
}

/** Nothing: there is nothing that it could strike now. */
export type Strike = (
  world: NemesisWorld,
  dice: Random,
  isFree: (target: string) => boolean,
) => Promise<Struck | undefined>

function onNode(strike: (world: NemesisWorld, dice: Random, member: Member) => Promise<Struck>): Strike {
  return async (world, dice, isFree) => {
    const free = [...world.members.values()].filter(({ name, isAlive }) => isAlive && isFree(name))
    return free.length === 0 ? undefined : await strike(world, dice, dice.pick(free))
  }
}

function onServer(how: 'kill' | 'quit', which: 'any' | 'leader'): Strike {
  return async ({ servers, bus }, dice, isFree) => {
    // Two of three are a majority; without one nothing could be asked of it.
    if (!isFree('server')) return undefined
    const server = which === 'leader' ? await servers.leaderOf(streamOf(bus.realm)) : dice.pick(servers.all)
    const forMs = dice.int(100, 2500)
    await server[how]()
    const what = `${how} server ${servers.all.indexOf(server)}${which === 'leader' ? ', the leader,' : ''} for ${forMs} ms`
    return { what, forMs, target: 'server', mend: () => server.restart() }
  }
}

const wire = (what: 'slow' | 'freeze' | 'cut'): Strike =>
  onNode(async ({ wires }, dice, { name }) => {
    const link = wires.get(name)
    const ms = dice.int(2, 150)
    const forMs = dice.int(300, 5000)
    if (what === 'slow') link?.slow(ms)
    else link?.[what]()
    return {
      what: `${what} the wire of ${name} ${what === 'slow' ? `by ${ms} ms ` : ''}for ${forMs} ms`,
      forMs,
      target: name,
      mend: async () => link?.heal(),
    }
  })

const backMs = 2000

export const strikes = {
  kill: onNode(async (_, dice, member) => {
    const forMs = dice.int(0, 2500)
    await member.kill()
    return { what: `kill ${member.name} for ${forMs} ms`, forMs, target: member.name, mend: async () => member.start() }
  }),

  freeze: onNode(async (_, dice, member) => {
    const forMs = dice.chance(0.3) ? dice.int(50, 1000) : dice.int(1000, 8000)
    await member.freeze()
    return {
      what: `freeze ${member.name} for ${forMs} ms`,
      forMs,
      target: member.name,
      mend: async () => member.thaw(),
    }
  }),

  drain: onNode(async (_, dice, member) => {
    const forMs = dice.int(0, 2000)
    const stopping = member.stop()
    return {
      what: `drain ${member.name}, and start it ${forMs} ms later`,
      forMs,
      target: member.name,
      async mend() {
        await stopping
        member.start()
      },
    }
  }),

  join: async (world, dice, isFree) => {
    if (!isFree('guest')) return undefined
    const forMs = dice.int(1500, 6000)
    const known = world.members.get('guest')
    if (known === undefined) await world.join('guest')
    else if (!known.isAlive) known.start()
    const mend = async (): Promise<void> => await world.members.get('guest')?.stop()
    return { what: `one more node joins for ${forMs} ms`, forMs, target: 'guest', mend }
  },

  clock: onNode(async (world, dice, member) => {
    const offsetMs = dice.int(-4000, 4000)
    const forMs = dice.int(500, 5000)
    member.setClock(offsetMs)
    world.jumped(offsetMs)
    return {
      what: `set the clock of ${member.name} by ${offsetMs} ms for ${forMs} ms`,
      forMs,
      target: member.name,
      async mend() {
        member.setClock(0)
        world.jumped(offsetMs)
      },
    }
  }),

  take: onNode(async (_, dice, member) => {
    const which = dice.int(0, 999_999)
    member.take()
    // It strikes nobody, so that anything may strike meanwhile, another one too.
    return { what: `a cut by ${member.name}`, forMs: 0, target: `cut ${which}`, mend: () => Promise.resolve() }
  }),

  slow: wire('slow'),
  stall: wire('freeze'),
  cut: wire('cut'),
  'server-kill': onServer('kill', 'any'),
  'server-stop': onServer('quit', 'any'),
  'leader-kill': onServer('kill', 'leader'),
  'leader-stop': onServer('quit', 'leader'),

  rollback: async (world, dice, isFree) => {
    const [server] = world.servers.all
    if (server === undefined || !isFree('server')) return undefined
    const forMs = dice.int(0, 1500)
    const from = new Map([...world.members].map(([name, { lines }]) => [name, lines.length]))
    const rollback = await rollBack(world, server, backMs)
    world.rollbacks.push(rollback)
    return {
      what: `roll the server's disk ${backMs} ms back, and start it after ${forMs} ms`,
      forMs,
      target: 'server',
      async mend() {
        await server.restart()
        const isMended = (): boolean =>
          [...world.members].some(([name, { lines }]) =>
            lines.slice(from.get(name)).some(({ is }) => is === 'log.mended'),
          )
        if (!(await world.until(isMended))) world.tell('nobody mended the log')
        await world.log.again()
      },
    }
  },

  partition: async ({ servers }, dice, isFree) => {
    // The machines that are left must be a majority; on the first one those who look on stand.
    if (servers.hosts === undefined || !isFree('server')) return undefined
    const at = dice.int(1, servers.hosts.hosts.length - 1)
    const forMs = dice.int(500, 12_000)
    const host = servers.hosts.hosts[at]
    host?.cutOff()
    return { what: `cut machine ${at} off for ${forMs} ms`, forMs, target: 'server', mend: async () => host?.heal() }
  },
} as const satisfies Record<string, Strike>

export type StrikeName = keyof typeof strikes
