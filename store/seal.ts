/**
 * Bytes for the archive: compressed, encrypted when there is a key, named by their hash. They serve
 * "AES-256-GCM per segment, Ed25519 over the manifest, a hash per segment". Invariant: whatever was
 * changed after it was sealed, or sealed with another key, is refused before a byte of it is used.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { Fault } from '#protocol/fault.ts'
import { letGo } from './let-go.ts'
import { packed, packedNow, unpacked as unzipped, unpackedNow as unzippedNow } from './zstd.ts'

const magic = Buffer.from('perdure-s')
const format = 1
/** Magic, format, whether it is encrypted, the key's name, the nonce, the tag. */
const keyNameBytes = 8
const nonceBytes = 12
const tagBytes = 16
/** More than any bundle but one of a single large state; longer than a turn should be. */
const largeBytes = 1024 * 1024
const headBytes = magic.length + 2 + keyNameBytes + nonceBytes + tagBytes

/** No archive unpacks more than this at once, whatever a file says of itself. */
const plainMost = 256 * 1024 * 1024

export type Sealer = {
  /** The key's name in hex; nothing without a key. */
  readonly keyName: string | undefined
  /** Who signs: the public key, 32 bytes. */
  readonly signer: Uint8Array
  seal(plain: Uint8Array): Promise<Sealed>
  /** `what` and `id` are for the fault. */
  open(sealed: Uint8Array, id: string): Promise<Uint8Array>
  openNow(sealed: Uint8Array, id: string): Uint8Array
  /** Without its seal, and still packed. */
  unsealed(sealed: Uint8Array, id: string): Uint8Array
  sign(bytes: Uint8Array): Uint8Array
  isSigned(bytes: Uint8Array, signature: Uint8Array, signer: Uint8Array): boolean
}

export type Sealed = { readonly id: string; readonly bytes: Uint8Array }

/** One secret gives both keys. Without one nothing is encrypted, and the signature shows damage, not forgery. */
export function sealerOf(secret: Uint8Array | undefined): Sealer {
  const key = secret === undefined ? undefined : derived(secret, 'seal')
  const keyName = key === undefined ? Buffer.alloc(keyNameBytes) : derived(key, 'name').subarray(0, keyNameBytes)
  const privateKey = privateKeyOf(derived(secret ?? Buffer.alloc(32), 'sign'))
  const signer = publicBytesOf(createPublicKey(privateKey))

  function sealed(plain: Uint8Array): Sealed {
    const head = Buffer.alloc(headBytes)
    head.set(magic)
    head[magic.length] = format
    head[magic.length + 1] = key === undefined ? 0 : 1
    head.set(keyName, magic.length + 2)
    // Without a key, too: a name is never given twice, so what is swept under it is never what somebody just stored.
    const nonce = randomBytes(nonceBytes)
    head.set(nonce, headBytes - tagBytes - nonceBytes)
    const bytes = Buffer.allocUnsafeSlow(headBytes + plain.length)
    if (key === undefined) bytes.set(plain, headBytes)
    else {
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      cipher.setAAD(head.subarray(0, headBytes - tagBytes))
      // It gives out as many bytes as it takes, and none at the end.
      const body = cipher.update(plain)
      bytes.set(body, headBytes)
      letGo(body)
      cipher.final()
      head.set(cipher.getAuthTag(), headBytes - tagBytes)
    }
    bytes.set(head)
    return { id: hashOf(bytes), bytes }
  }

  /** What was compressed, as it was. */
  function unpacked(sealed: Uint8Array, id: string): Uint8Array {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length)
    if (hashOf(bytes) !== id) throw damaged(id, 'its hash is another one')
    if (bytes.length < headBytes || !bytes.subarray(0, magic.length).equals(magic))
      throw damaged(id, 'it does not begin as one')
    const have = bytes[magic.length] as number
    if (have > format) throw new Fault('cut.format', { value: 'a segment', have, want: format })
    const body = bytes.subarray(headBytes)
    if (bytes[magic.length + 1] === 0) return body
    const name = bytes.subarray(magic.length + 2, magic.length + 2 + keyNameBytes)
    if (key === undefined || !name.equals(keyName))
      throw new Fault('cut.sealed', {
        what: 'segment',
        value: id,
        have: name.toString('hex'),
        want: key === undefined ? 'none' : keyName.toString('hex'),
      })
    try {
      const nonce = bytes.subarray(headBytes - tagBytes - nonceBytes, headBytes - tagBytes)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce)
      decipher.setAAD(bytes.subarray(0, headBytes - tagBytes))
      decipher.setAuthTag(bytes.subarray(headBytes - tagBytes, headBytes))
      return Buffer.concat([decipher.update(body), decipher.final()])
    } catch (cause) {
      throw damaged(id, 'its seal does not hold', cause)
    }
  }

  return {
    keyName: key === undefined ? undefined : keyName.toString('hex'),
    signer,
    async seal(plain) {
      const zipped = plain.length < largeBytes ? packedNow(plain) : await packed(plain)
      const result = sealed(zipped)
      letGo(zipped)
      return result
    },
    async open(sealed, id) {
      try {
        return await unzipped(unpacked(sealed, id), plainMost)
      } catch (cause) {
        throw cause instanceof Fault ? cause : damaged(id, 'it cannot be unpacked', cause)
      }
    },
    openNow(sealed, id) {
      try {
        return unzippedNow(unpacked(sealed, id), plainMost)
      } catch (cause) {
        throw cause instanceof Fault ? cause : damaged(id, 'it cannot be unpacked', cause)
      }
    },
    unsealed: unpacked,
    sign: (bytes) => sign(null, bytes, privateKey),
    isSigned(bytes, signature, by) {
      try {
        return verify(null, bytes, publicKeyOf(by), signature)
      } catch {
        return false
      }
    },
  }
}

/** The name of the key that somebody needs to open it; nothing where none is needed, or it is no segment. */
export function sealedWith(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, headBytes))
  if (!head.subarray(0, magic.length).equals(magic) || head[magic.length + 1] === 0) return undefined
  return head.toString('hex', magic.length + 2, magic.length + 2 + keyNameBytes)
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function derived(secret: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `perdure cuts ${purpose}`, 32))
}

/** Ed25519 keys in the wrapping that node:crypto takes. */
const privateWrap = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicWrap = Buffer.from('302a300506032b6570032100', 'hex')

function privateKeyOf(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privateWrap, seed]), format: 'der', type: 'pkcs8' })
}

function publicKeyOf(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([publicWrap, bytes]), format: 'der', type: 'spki' })
}

function publicBytesOf(key: KeyObject): Uint8Array {
  return key.export({ format: 'der', type: 'spki' }).subarray(publicWrap.length)
}

function damaged(id: string, reason: string, cause?: unknown): Fault {
  return new Fault('cut.damaged', { what: 'segment', value: id, reason }, { cause })
}
