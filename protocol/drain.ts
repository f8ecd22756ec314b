/**
 * What one may ask of a node's share: to give all partitions away, then to stop or to stay, or to
 * take its share again. Live only, never stored; asked again it answers how far it is.
 */
import { decode, encode } from './codec.ts'
import type { NodePhase } from './heartbeat.ts'

export type DrainRequest = 'stop' | 'stay' | 'undo'

export type DrainProgress = {
  readonly phase: NodePhase
  /** Partitions that it still has. */
  readonly left: number
  /** Whether there is anybody who can take them. */
  readonly canGive: boolean
}

const format = 1

export function encodeDrainRequest(asked: DrainRequest): Uint8Array {
  return encode([format, asked])
}

/** Whatever is not known changes nothing: it stays. */
export function decodeDrainRequest(bytes: Uint8Array): DrainRequest | undefined {
  const [, asked] = decode(bytes) as readonly unknown[]
  return asked === 'stop' || asked === 'stay' || asked === 'undo' ? asked : undefined
}

export function encodeDrainProgress({ phase, left, canGive }: DrainProgress): Uint8Array {
  return encode([format, phase, left, canGive])
}

export function decodeDrainProgress(bytes: Uint8Array): DrainProgress {
  const [, phase, left, canGive] = decode(bytes) as [number, NodePhase, number, boolean]
  return { phase, left, canGive }
}
