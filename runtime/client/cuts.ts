/**
 * Cuts as a program outside sees them: it asks a node to take one, lists them, and opens one to look
 * into. It serves "anybody can look". Invariant: nothing of a cut is shown before its signature and
 * the hash of what it lies in were checked.
 */
import type { AnyActorLogic, SnapshotFrom } from 'xstate'
import type { ActorKind } from '#protocol/actor.ts'
import { type Address, addressOf, kindOf, parseAddress, tokenOf } from '#protocol/address.ts'
import { decode, encode } from '#protocol/codec.ts'
import type { CutNote } from '#protocol/cut.ts'
import { Fault, isFault, type StoredFault } from '#protocol/fault.ts'
import { type ActorState, decodeState } from '#protocol/state.ts'
import { subjects } from '#protocol/subject.ts'
import type { Archive } from '#store/archive.ts'
import type { Bus } from '#runtime/bus.ts'
import { type Clock, pause } from '#runtime/clock.ts'
import type { Blueprint } from '#runtime/core/blueprint.ts'
import { snapshotOfState } from '#runtime/core/show.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { anyCut, findCut } from '#runtime/cuts/reading/find-cut.ts'
import { type CutView, openCut } from '#runtime/cuts/reading/open-cut.ts'
import { type CutChecking, cutCheckingOf } from './cut-checking.ts'
import { type CutUpkeep, cutUpkeepOf } from './cut-upkeep.ts'
import type { Operations } from './operate.ts'

export type TakenCut = {
  readonly id: string
  /** Resolves when it exists, and rejects with why it was abandoned. */
  readonly whole: Promise<CutNote>
}

/** One actor as it was in a cut. */
export type PastActor<TLogic extends AnyActorLogic = AnyActorLogic> = {
  readonly address: Address
  readonly state: ActorState
  getSnapshot(): SnapshotFrom<TLogic>
}

export type OpenedCut = CutView & {
  /** Nothing when it was not there then. */
  ref<TLogic extends AnyActorLogic>(kind: ActorKind<TLogic>, key: string): Promise<PastActor<TLogic> | undefined>
  ref(kind: string, key: string): Promise<PastActor | undefined>
  at(address: string): Promise<PastActor | undefined>
}

export type RealmCuts = CutUpkeep &
  CutChecking & {
    /** Resolves when its markers are stored: what is sent from then on by whoever saw it is after the cut. */
    take(options?: { readonly name?: string | undefined; readonly by?: string | undefined }): Promise<TakenCut>
    /** The newest last; also those that were abandoned, with why. */
    list(): Promise<readonly CutNote[]>
    /** By its id or its name (then the newest of that name), or `last`: the newest whole one. */
    find(cut: string): Promise<CutNote>
    open(cut: string): Promise<OpenedCut>
  }

type World = {
  readonly bus: Bus
  readonly clock: Clock
  readonly archive: Archive | undefined
  readonly operate: Pick<Operations, 'nodes'>
  readonly blueprintFor: (kind: ActorKind | string) => Blueprint | undefined
}

/** A node answers once the markers are stored. */
const markedMs = 10_000
const lookMs = 50
const lookMostMs = 500

export function realmCutsOf({ bus, clock, archive, operate, blueprintFor }: World): RealmCuts {
  const { name: realm } = bus.realm

  function given(): Archive {
    if (archive === undefined) throw new Fault('cuts.noArchive', { realm })
    return archive
  }

  const shelf = (): ReturnType<typeof cutShelfOf> => cutShelfOf({ bus, archive: given() })

  /** One that was removed is of no use to anybody, though its note is still there. */
  const notes = async (): Promise<readonly CutNote[]> =>
    (await shelf().notes()).filter(({ state }) => state !== 'removed')

  /** Some nodes take no part in cuts, and one may end just now: the next is asked. */
  async function ask(request: Uint8Array): Promise<string> {
    const { nodes } = await operate.nodes()
    let last: unknown = new Fault('cut.nobody', { realm })
    for (const { name } of nodes) {
      try {
        const answer = decode(await bus.request(subjects.cut(bus.realm, tokenOf(name)), request, markedMs)) as {
          readonly id?: string
          readonly fault?: StoredFault
        }
        if (answer.id !== undefined) return answer.id
        const { code = 'cut.abandoned', message = '' } = answer.fault ?? {}
        last = new Fault('cut.refused', { node: name, reason: `${message} (${code})` })
      } catch (error) {
        // Nobody listens there: it takes no part in cuts, or ends.
        if (!isFault(error, 'bus.nobody')) throw error
      }
    }
    throw last
  }

  async function untilWhole(id: string): Promise<CutNote> {
    for (let ms = lookMs; ; ms = Math.min(lookMostMs, ms * 1.5)) {
      const note = await shelf().note(id)
      if (note?.state === 'whole') return note
      if (note?.state === 'abandoned') throw new Fault('cut.abandoned', { value: id, reason: note.reason ?? '' })
      if (note !== undefined && clock.now() > note.deadline)
        throw new Fault('cut.abandoned', { value: id, reason: `${note.node}, which took it, does not go on with it` })
      await pause(clock, ms)
    }
  }

  const anyOf = async (cut: string): Promise<CutNote> => anyCut(await notes(), cut, realm)
  const find = async (cut: string): Promise<CutNote> => findCut(await notes(), cut, realm)

  async function wholeOf(cut: string): Promise<string> {
    const { id, state } = await find(cut)
    if (state !== 'whole') throw new Fault('cut.unready', { value: id, state })
    return id
  }

  return {
    async take({ name, by = 'a program' } = {}) {
      const id = await ask(encode({ name, by }))
      const whole = untilWhole(id)
      whole.catch(() => undefined)
      return { id, whole }
    },
    list: notes,
    ...cutCheckingOf({ bus, clock, shelf, archive: given, wholeOf }),
    ...cutUpkeepOf({ bus, clock, operate, shelf, archive: given, wholeOf, anyOf }),
    find,
    async open(cut) {
      const view = await openCut({ shelf: shelf(), archive: given() }, await wholeOf(cut))
      return openedOf(view, blueprintFor)
    },
  }
}

function openedOf(view: CutView, blueprintFor: World['blueprintFor']): OpenedCut {
  async function read(address: Address, kind: ActorKind | string): Promise<PastActor | undefined> {
    const bytes = await view.state(address)
    if (bytes === undefined) return undefined
    const state = decodeState(bytes)
    return { address, state, getSnapshot: () => snapshotOfState(blueprintFor(kind), address, state) as never }
  }
  return {
    ...view,
    ref: ((kind: ActorKind | string, key: string) =>
      read(addressOf(typeof kind === 'string' ? kind : kind.kind, key), kind)) as OpenedCut['ref'],
    at(text) {
      const address = parseAddress(text)
      return read(address, kindOf(address))
    },
  }
}

export type { CutNote }
