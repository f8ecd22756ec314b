/** Faults of restoring: what stands in its way before anything is changed, and what becomes of those it overtakes. */
import type { FaultEntry } from './entry.ts'

export const restoreFaults = {
  'realm.superseded': [
    'crash',
    'The generation {have} of the realm "{value}" takes nothing more: a cut is being restored, or was. "perdure node", "perdure up" and openNode go on in the next generation by themselves, with an empty store.',
  ],
  'store.superseded': [
    'crash',
    'The store at {value} is one of generation {have}, and the realm goes on in generation {want}. It holds nothing that is not on the log: remove it; a node does so by itself.',
  ],
  'restore.overtaken': [
    'crash',
    'This restore (generation {have}) was overtaken by another one (generation {want}), and opened nothing. "perdure nodes" says what the realm is now.',
  ],
  'restore.lazyKey': [
    'crash',
    'Cut {value} is sealed with the key {have}, and the nodes of this realm have {want}: they could not unpack it. Restore it without --lazy, or give them that key first (cuts.keyFile).',
  ],
  'restore.otherRealm': [
    'crash',
    'The cut {value} is one of the realm "{have}", and this is "{want}". Name the realm that it belongs to (--realm {have}).',
  ],
  'restore.notSealed': [
    'crash',
    'The realm "{value}" is not being restored, so there is nothing to give up. Nothing was changed.',
  ],
  'restore.tooManyUnheard': [
    'crash',
    'In the cut {value} subscribers have not heard {count} emitted events yet. The table of where each of them stands would be {size} bytes, and the server takes {limit} (max_payload). Nothing was changed. Take a cut once they have heard more of them, or raise max_payload of the server (server.maxPayload where perdure runs it).',
  ],
  'replay.invalid': [
    'crash',
    'Line {line} of {value} is no event to replay: {reason}. Take the lines that --list-replay printed; drop some, or change their events.',
  ],
  'replay.otherCut': [
    'crash',
    'Line {line} of {value} comes from the list of the cut {have}, and this restores {want}. Make the list anew: "perdure restore {want} --list-replay".',
  ],
  'replay.trimmed': [
    'crash',
    'What came after the cut {value} cannot be replayed from the log: generation {have} was trimmed past the marker of partition {partition}. Restore without --replay, or from a list that you have (--replay <file>); history.windowMs says how long the log keeps it.',
  ],
  'replay.absent': [
    'crash',
    'What came after the cut {value} is not here: there is no log of generation {have} on this server. Restore without --replay, or from a list that you have (--replay <file>).',
  ],
} as const satisfies Record<string, FaultEntry>
