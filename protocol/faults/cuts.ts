/** Faults of cuts: what cannot be taken, read or trusted. Nothing of a realm is changed by any of them. */
import type { FaultEntry } from './entry.ts'

export const cutFaults = {
  'cut.unknown': ['crash', 'There is no cut "{value}" of the realm "{realm}". "perdure cut ls" lists those there are.'],
  'cut.abandoned': [
    'retry',
    'The cut {value} was abandoned: {reason}. Nothing was disturbed by it; take another one ("perdure cut take").',
  ],
  'cut.nobody': [
    'retry',
    'No node of "{realm}" takes part in cuts now. Start one ("perdure up", "perdure node"), or look why with "perdure doctor".',
  ],
  'cut.refused': ['crash', 'The node {node} could not begin a cut: {reason}'],
  'cut.unready': [
    'retry',
    'The cut {value} is not whole yet (it is {state}). Wait for it: "perdure cut show {value}" says how it is.',
  ],
  'cuts.noArchive': [
    'crash',
    'This handle of "{realm}" was opened without an archive, so it cannot look into cuts. Open it with openRealm.',
  ],
  'cut.format': [
    'crash',
    'This is {value} of format {have}, and this perdure reads {want} and older ones. Use a newer perdure.',
  ],
  'cut.undecodable': [
    'crash',
    'What should be {value} of a cut cannot be read: {reason}. It is damaged; use another copy or another cut.',
  ],
  'cut.damaged': [
    'crash',
    "The {what} {value} of a cut is damaged: {reason}. Get it from another copy (a node's archive, the object store, an exported file), or use another cut.",
  ],
  'cut.missing': [
    'crash',
    'The {what} {value} of a cut is not there: not in the archive of this machine and not in the object store. Use another cut, or import a file that has it.',
  ],
  'cut.sealed': [
    'crash',
    'The {what} {value} was sealed with the key {have}, and the key here is {want}. Give the one it was taken with (cuts.keyFile, or PERDURE_CUTS_KEY).',
  ],
  'cut.signature': [
    'crash',
    'The signature of the cut {value} does not hold: it was changed after it was taken, or signed with another key ({reason}). Nothing of it is used.',
  ],
  'cuts.otherKey': [
    'crash',
    'The cuts of this realm are sealed with the key {want}, and the key here is {have}. Copy the file cuts.key from the directory of another node into that of this one, or name it with cuts.keyFile. Until then this node takes no part in cuts.',
  ],
  'cut.file': [
    'crash',
    'The file {value} cannot be used as a cut: {reason}. Nothing of it was used; take another copy, or export the cut again ("perdure cut export").',
  ],
  'cut.otherRealm': [
    'crash',
    'The cut {value} is of the realm "{have}", and this is "{want}". Nothing of it was taken in; name its realm with --realm.',
  ],
  'cut.fileThere': ['crash', 'There is a file {value} already, and it is not overwritten. Name another, or remove it.'],
  'cut.unwritable': ['crash', 'The cut cannot be written to {value}: {reason}. Nothing was left there.'],
  'archive.thread': [
    'retry',
    'The thread that seals cuts for {value} ended: {reason}. What it was sealing is not kept; the next that is to be sealed starts another one.',
  ],
  'archive.full': [
    'crash',
    'The archive of cuts in {value} has reached {limit} bytes (cuts.archiveBytes). Remove cuts that are not needed ("perdure cut rm"), or raise the setting.',
  ],
} as const satisfies Record<string, FaultEntry>
