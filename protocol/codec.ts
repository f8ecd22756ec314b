/**
 * Values as bytes: msgpack with inline records, so that Map, Set, Date, BigInt, typed arrays,
 * Error and cycles come back as they went in, and so that every value describes itself (no
 * shared table that a reader could lack). Foreign bytes are read by a second, plainer reader,
 * in which ordinary msgpack maps become objects.
 *
 * `pack` is known to hand out views of a shared buffer; every encoder here returns a copy or a
 * buffer that nobody else writes to.
 */
import { addExtension, Packr, Unpackr } from 'msgpackr'
import type { Address } from './address.ts'
import { errorDataOf, errorOf } from './error-data.ts'
import { Fault } from './fault.ts'

/** What XState asks a reference for while a machine steps. */
export type Stage = {
  readonly system: unknown
  readonly parentOf: (ref: Ref) => Ref | undefined
  readonly snapshotOf: (ref: Ref) => unknown
  readonly send: (to: Ref, event: { readonly type: string }) => void
}

/**
 * A reference to an actor as it stands in a context or an event. It has the shape of XState's
 * ActorRef as far as machines look at it; it never sends by itself, the runtime does.
 */
export class Ref {
  readonly address: Address
  /** The child id under which a parent knows it, or the address. */
  readonly id: string
  readonly systemId: string | undefined
  /** True for a callback, observable or promise that runs as an effect of the same actor. */
  readonly effectId: string | undefined

  constructor(address: Address, id: string = address, systemId?: string, effectId?: string) {
    this.address = address
    this.id = id
    this.systemId = systemId
    this.effectId = effectId
  }

  get sessionId(): string {
    return this.effectId ?? this.address
  }

  /** Lent for the length of one step by `runtime/core/scope.ts`; between steps a reference is only a name. */
  static stage: Stage | undefined = undefined

  get system(): unknown {
    return Ref.stage?.system
  }

  get _parent(): Ref | undefined {
    return Ref.stage?.parentOf(this)
  }

  /** In a step, recorded as if the machine had used `sendTo`; anywhere else it would be lost, so it is refused. */
  send(event: { readonly type: string }): void {
    if (Ref.stage === undefined) throw new Fault('ref.idle', { value: this.address })
    Ref.stage.send(this, event)
  }

  getSnapshot(): unknown {
    return Ref.stage?.snapshotOf(this)
  }

  /** What a live `createActor()` calls on the target of `sendTo`: there an address leads nowhere. */
  _send(): void {}

  toJSON(): { xstate$$type: 1; id: string; address: Address; effectId?: string } {
    const { id, address, effectId } = this
    return { xstate$$type: 1, id, address, ...(effectId === undefined ? {} : { effectId }) }
  }
}

const refExtension = 0x41
const errorExtension = 0x45

addExtension({
  Class: Ref,
  type: refExtension,
  write: (ref: Ref) => [ref.address, ref.id, ref.systemId ?? null, ref.effectId ?? null],
  read: ([address, id, systemId, effectId]: [Address, string, string | null, string | null]) =>
    new Ref(address, id, systemId ?? undefined, effectId ?? undefined),
})

addExtension({ Class: Error, type: errorExtension, write: errorDataOf, read: errorOf })

function refuseFunction(value: { readonly name?: unknown }): never {
  const name = typeof value.name === 'string' && value.name !== '' ? value.name : '(anonymous)'
  throw new Fault('value.unserializable', { reason: `it holds the function ${name}` })
}

const own = new Packr({
  useRecords: true,
  structuredClone: true,
  moreTypes: true,
  copyBuffers: true,
  // Without this a function becomes undefined and nobody hears of it. Symbols throw by themselves.
  writeFunction: refuseFunction,
} as object)
/** For values of our own making that hold no object twice: without the map of all objects, twice as fast. */
const tree = new Packr({
  useRecords: true,
  moreTypes: true,
  copyBuffers: true,
  writeFunction: refuseFunction,
} as object)
const plain = new Packr({ useRecords: false, variableMapSize: true })
const foreign = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto' } as object)
const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Throws `value.unserializable` for functions, symbols and what is nested without end. */
export function encode(value: unknown): Uint8Array {
  const view = packed(own, value)
  const bytes = Buffer.allocUnsafeSlow(view.length)
  bytes.set(view)
  return bytes
}

/**
 * The same for bytes that are written out at once: they share an allocation with others, which
 * is several times cheaper, and would keep all of it from being freed if one of them were kept.
 */
export function encodeBrief(value: unknown): Uint8Array {
  return Buffer.from(packed(own, value))
}

/** `encodeBrief` for what holds no object twice and nothing of a user's. */
export function encodeTree(value: unknown): Uint8Array {
  return Buffer.from(packed(tree, value))
}

function packed(packr: Packr, value: unknown): Uint8Array {
  try {
    return packr.pack(value)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault(
      'value.unserializable',
      { reason: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    )
  }
}

export function decode(bytes: Uint8Array): unknown {
  return own.unpack(bytes)
}

/** Standard msgpack for those who read with another library. */
export function encodePlain(value: unknown): Uint8Array {
  return Uint8Array.prototype.slice.call(plain.pack(value))
}

/** JSON or msgpack from anybody. JSON begins with a brace, bracket, quote or white space; msgpack of an object never does. */
export function decodeForeign(bytes: Uint8Array): unknown {
  const first = bytes[0]
  if (
    first === 0x7b ||
    first === 0x5b ||
    first === 0x22 ||
    first === 0x20 ||
    first === 0x0a ||
    first === 0x0d ||
    first === 0x09
  ) {
    return JSON.parse(utf8.decode(bytes))
  }
  return foreign.unpack(bytes)
}
