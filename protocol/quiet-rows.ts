/**
 * Rows of states in which nobody can wait for anybody: no row that keeps its actor awake, and no child,
 * neither as a row nor named in a state. It serves "evaluated on every cut": most segments of most cuts
 * are such, and are not read for it. Pure. Invariant: where it says so it is so; it may fail to say so.
 */

const tilde = 0x7e
const slash = 0x2f

/** Whether something in these bytes may be the address of a child: `kind/key~child~3`. */
export function mayNameChild(bytes: Uint8Array): boolean {
  // What was gone over for the one before holds no slash, and is not gone over again.
  let before = -1
  for (let at = bytes.indexOf(tilde); at >= 0; at = bytes.indexOf(tilde, at + 1)) {
    let from = at - 1
    while (from > before && isOfToken(bytes[from] as number)) from--
    if (from > before && bytes[from] === slash) return true
    before = at
  }
  return false
}

function isOfToken(byte: number): boolean {
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
  const isDigit = byte >= 0x30 && byte <= 0x39
  return isLetter || isDigit || byte === 0x2d || byte === 0x5f || byte === 0x3d
}
