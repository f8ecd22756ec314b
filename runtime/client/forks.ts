/**
 * Forks as a program outside sees them: it makes one from a cut, lists those there are, and removes
 * one. It serves "`perdure fork <cut> --as <realm>`". Invariants: the realm that is forked goes on as
 * if nothing were; the cut of a fork is there as long as the fork is.
 */
import { type Fork, type ForkEffects, type ForkTimers, parseForkEffects, parseForkName } from '#protocol/fork.ts'
import { Fault, isFault } from '#protocol/fault.ts'
import type { Bus } from '#runtime/bus.ts'
import type { Clock } from '#runtime/clock.ts'
import type { Archive } from '#store/archive.ts'
import { noteCutKey } from '#runtime/cuts/reading/cut-key.ts'
import { type CutShelf, cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { holdCut, letCutsGo } from '#runtime/cuts/keeping/hold-cut.ts'
import type { CutView } from '#runtime/cuts/reading/open-cut.ts'
import type { SealedBaseOf } from '#runtime/cuts/restoring/put-layers.ts'
import type { BaseOf } from '#runtime/cuts/restoring/put-states.ts'
import type { OnProgress } from '#runtime/cuts/restoring/restore.ts'
import { type Made, makeFork } from '#runtime/forks/make-fork.ts'
import type { Realms, SeenFork } from '#runtime/realms.ts'
import { trace } from '#runtime/trace.ts'
import { lookAtNodes } from './nodes.ts'

export type { Fork, SeenFork }

export type MakeForkOptions = {
  /** The name of the realm that the fork is. */
  readonly as: string
  /** `journal` by default; also as text, `allow:quote,order.price`. */
  readonly effects?: ForkEffects | string | undefined
  /** `frozen` by default. */
  readonly timers?: ForkTimers | undefined
  readonly partitions?: number | undefined
  readonly onProgress?: OnProgress | undefined
}

export type RealmForks = {
  /** From a cut by its id, its name, or `last`. */
  make(cut: string, options: MakeForkOptions): Promise<Made>
  /** From a cut that was opened, also out of a file. */
  makeOf(view: CutView, options: MakeForkOptions): Promise<Made>
  /** Of this realm; with `all`, of any realm on the same servers. */
  list(options?: { readonly all?: boolean }): Promise<readonly SeenFork[]>
  /** With all that it stored; refused while a node serves it. */
  remove(name: string): Promise<void>
}

export type ForksWorld = {
  readonly realm: string
  readonly clock: Clock
  readonly realms: () => Promise<Realms>
  readonly baseOf: BaseOf
  readonly sealedBaseOf: SealedBaseOf | undefined
  /** Of the realm; nothing where it was never made, and the cut comes out of a file. */
  readonly bus: () => Promise<Bus | undefined>
  readonly archive: () => Archive
  readonly open: (cut: string) => Promise<CutView>
}

export function realmForksOf(of: ForksWorld): RealmForks {
  const { realm, clock, realms, baseOf, sealedBaseOf, bus, archive, open } = of
  const shelf = (at: Bus): CutShelf => cutShelfOf({ bus: at, archive: archive() })

  /** A cut out of a file needs nothing of the realm, unless it is one of its cuts as well. */
  async function hold(cut: string, fork: string): Promise<boolean> {
    const parent = await bus()
    const notes = parent && shelf(parent)
    if ((await notes?.note(cut))?.state !== 'whole') return false
    await holdCut(notes as CutShelf, cut, { fork, realm })
    return true
  }

  /** Its cuts are sealed with the key of the one that it begins with. */
  async function beforeOpen({ notes }: Bus): Promise<void> {
    const { keyName } = archive()
    if (keyName !== undefined) await noteCutKey(notes, keyName)
  }

  async function makeOf(view: CutView, options: MakeForkOptions): Promise<Made> {
    const { as, effects = 'journal', timers = 'frozen', partitions, onProgress = () => undefined } = options
    const name = parseForkName(as, view.manifest.realm)
    const rule = typeof effects === 'string' ? parseForkEffects(effects) : effects
    await using beside = await realms()
    const generations = await beside.generations(name)
    try {
      const kinds = view.manifest.realm === realm ? (await bus())?.registry : undefined
      const made = { generations, kinds, hold: () => hold(view.manifest.id, name), beforeOpen }
      const world = { clock, baseOf, sealedBaseOf, ...made }
      return await makeFork(world, view, { as: name, effects: rule, timers, partitions }, onProgress)
    } finally {
      await generations[Symbol.asyncDispose]?.()
    }
  }

  async function remove(name: string): Promise<void> {
    await using beside = await realms()
    await checkUnserved(beside, name, clock)
    await checkUnneeded(beside, name)
    const wasThere = await beside.remove(name)
    const parent = await bus()
    const held = parent === undefined ? [] : await letCutsGo(shelf(parent), name)
    if (!wasThere && held.length === 0) throw new Fault('fork.unknown', { value: name })
    trace({ is: 'fork.removed', fork: name })
  }

  return {
    makeOf,
    make: async (cut, options) => await makeOf(await open(cut), options),
    async list({ all = false } = {}) {
      await using beside = await realms()
      return (await beside.forks()).filter(({ fork }) => all || fork === undefined || fork.of === realm)
    },
    remove,
  }
}

/** A fork of a fork reads what it began with from there. */
async function checkUnneeded(realms: Realms, value: string): Promise<void> {
  const all = await realms.forks()
  const needing = all.filter(({ fork }) => fork?.of === value).map(({ name }) => name)
  if (needing.length > 0 && all.some(({ name }) => name === value))
    throw new Fault('fork.needed', { value, forks: needing.join(', ') })
}

/** What goes on in a realm that is being removed would begin another one. */
async function checkUnserved(realms: Realms, value: string, clock: Clock): Promise<void> {
  const generations = await realms.generations(value)
  try {
    const present = await generations.newest().catch((error: unknown) => {
      if (isFault(error, 'fork.unreadable')) return undefined
      throw error
    })
    if (present?.state !== 'open' || present.fork === undefined) return
    await using bus = await generations.past(present.realm.generation)
    const nodes = bus === undefined ? [] : (await lookAtNodes({ bus, clock })).nodes
    if (nodes.length > 0) throw new Fault('fork.served', { value, nodes: nodes.map(({ name }) => name).join(', ') })
  } finally {
    await generations[Symbol.asyncDispose]?.()
  }
}
