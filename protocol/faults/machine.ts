/** Faults of the store, the machine it stands on, and our own processes. */
import type { FaultEntry } from './entry.ts'

export const machineFaults = {
  'store.locked': [
    'crash',
    'The store at {value} is in use by another process (pid {pid}). Stop that one, or give this node a directory of its own (--dir).',
  ],
  'store.format': [
    'crash',
    'The store at {value} was written in format {have}; this release reads up to {want}. Use a newer perdure, or remove the directory: it is rebuilt from the log.',
  ],
  'store.foreign': [
    'crash',
    'The store at {value} belongs to realm "{have}", not "{want}". Give this node a directory of its own (--dir).',
  ],
  'store.corrupt': [
    'crash',
    'The store at {value} cannot be read: {reason}. Remove the directory: it is rebuilt from the log.',
  ],
  'store.full': ['crash', 'The store at {value} is full ({limit} bytes of map). Raise store.mapBytes.'],
  'store.diskFull': [
    'crash',
    'The disk that holds the store at {value} is full. Make room and start again; nothing that was acknowledged is lost.',
  ],
  'store.unusable': [
    'crash',
    'The store directory {value} cannot be used: {reason}. Give this node a directory that it may write to (--dir).',
  ],
  'store.closed': ['crash', 'The store at {value} is closed.'],
  'store.empty': ['crash', 'This store holds nothing of partition {partition}, so there is no base to make of it.'],
  'state.undecodable': ['park', 'A stored state of {size} bytes cannot be read: {reason}. See "perdure doctor".'],
  'base.undecodable': [
    'crash',
    'A stored base of a partition cannot be read: {reason}. Remove it; an older one or the log itself is used instead.',
  ],
  'base.sealed': [
    'crash',
    'The base of partition {partition} is sealed with the key {value} of the cut that was restored, and this node has no key. Give it that one with cuts.key or cuts.keyFile; nodes that have it serve the partition meanwhile.',
  ],
  'port.taken': ['crash', 'Port {value} is in use by another program. Stop it, or choose another with {option}.'],
  'port.forbidden': ['crash', 'Port {value} may not be opened by this user. Choose one above 1023 with {option}.'],
  'server.missing': [
    'crash',
    'There is no nats-server {want} or newer here, and none could be fetched: {reason}. Install one, put it on PATH, or name it with --nats-server.',
  ],
  'server.tooOld': ['crash', 'The configured nats-server {value} is {have}; perdure needs {want} or newer.'],
  'server.unusable': [
    'crash',
    'The configured nats-server {value} cannot be run: {reason}. Name another with --nats-server, or leave it out and one is found or fetched.',
  ],
  'server.died': ['crash', 'The nats-server ended ({reason}). Its last lines: {lines}'],
  'server.silent': [
    'retry',
    'The server at {value} has said nothing for {ms} ms, not even that it is there. Another one of its cluster is dialled; look at its machine and the network between.',
  ],
  'server.restless': [
    'crash',
    'The nats-server ended {value} times within {limit} s, the last time with {reason}, so it is not started again. What was stored is safe in {dir}. See {log}, look for a full disk, too little memory or somebody who kills it, and start again. Its last lines: {lines}',
  ],
  'server.otherCount': [
    'crash',
    'The log in {value} is kept by {have} nats-server(s), and {want} were asked for. Start as many as before (--cluster {have}; 1 is the default), or give this one a directory of its own (--dir).',
  ],
  'config.invalid': ['crash', 'The setting {name} is "{value}" (from {source}); it must be {want}.'],
  'config.unknown': [
    'crash',
    'There is no setting "{name}" (from {source}). Did you mean {guess}? "perdure config" lists them all.',
  ],
  'config.unreadable': ['crash', 'The file {value} cannot be read: {reason}'],
  'actors.unusable': [
    'crash',
    'The actor kinds of {value} cannot be used: {reason}. Export them, for example: export const actors = [actor("order", orderMachine)].',
  ],
  'usage.invalid': ['crash', '{reason}'],
  'platform.unsupported': ['crash', 'perdure runs on Linux and macOS; this is {value}. On Windows use WSL 2.'],
} as const satisfies Record<string, FaultEntry>
