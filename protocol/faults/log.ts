/** Faults of the log and of who may write it. */
import type { FaultEntry } from './entry.ts'

export const logFaults = {
  'bus.unreachable': [
    'retry',
    'No NATS server answers at {value}. Start one with "perdure up", or name yours with --servers.',
  ],
  'bus.leaderless': [
    'retry',
    'The log of "{value}" has no leader now that a majority of its servers follows. It is asked again.',
  ],
  'replicas.alone': [
    'crash',
    'The server at {value} stands alone, so {count} replicas have no place. Make it one of a cluster ("perdure up --cluster 3", or your own servers with routes), then say it again.',
  ],
  'replicas.refused': [
    'crash',
    'The servers refuse to keep {count} copies of "{value}": {reason} Look whether so many servers with JetStream are there and have room (perdure doctor).',
  ],
  'bus.timeout': ['retry', 'The server did not acknowledge within {ms} ms; whether it stored the entry is unknown.'],
  'bus.refused': ['retry', 'The server refused the entry: {reason} (code {code}).'],
  'bus.busy': ['retry', 'The server has too much in flight ({reason}); nothing was stored. Send slower, or try again.'],
  'bus.conflict': ['crash', 'Another owner wrote to this partition (expected {want}, found {have}).'],
  'bus.inProgress': ['retry', 'Another check on this subject is in progress on the server; try again.'],
  'bus.tooOld': [
    'crash',
    'The nats-server at {value} is {have}; perdure needs {want} or newer. Let "perdure up" fetch one, or upgrade it.',
  ],
  'bus.noJetStream': [
    'crash',
    'The nats-server at {value} runs without JetStream. Start it with -js, or use "perdure up".',
  ],
  'bus.denied': [
    'crash',
    "These credentials may not {value}. Outsiders may only publish to <realm>.to.>; use a node's credentials for the rest.",
  ],
} as const satisfies Record<string, FaultEntry>
