/** Faults of questions and of effects: what somebody waits for. */
import type { FaultEntry } from './entry.ts'

export const askFaults = {
  'ask.deadline': [
    'park',
    'No answer to "{value}" within {ms} ms. The event is stored and will still be handled; ask again with the same id to get the late answer.',
  ],
  'ask.deadlineInvalid': [
    'park',
    'The deadline "{value}" of the question is no instant. Give milliseconds since 1970, for example Date.now() + 30000.',
  ],
  'ask.deadlineTooFar': [
    'park',
    'The deadline of the question lies {ms} ms ahead; the limit is {limit} (ask.longestMs). Ask with a nearer one, or raise the limit.',
  ],
  'ask.invalid': [
    'park',
    'The question does not say where its answer goes: it needs a client and an id, each of letters, digits, _ or -, 64 at most.',
  ],
  'ask.tooMany': [
    'park',
    'The actor {value} has {limit} questions open, which is the limit (ask.openMost). Let it answer some first, or ask with nearer deadlines.',
  ],
  'ask.cancelled': ['park', 'The asker of "{value}" no longer waits; what ran for it was aborted.'],
  'ask.refused': ['park', 'The actor did not answer: {reason}'],
  'wait.deadline': ['park', '{value} did not reach the awaited state within {ms} ms; it is in {state}.'],
  'effect.undeclared': [
    'park',
    'The kind "{kind}" does not declare the effect "{value}" (declared: {known}). Add it to the options of actor(…), or do not ask for it.',
  ],
  'effect.unknown': [
    'park',
    'The outcome of the effect "{value}" is unknown: the process ended while it ran. Its policy is to ask a person or a resolver.',
  ],
  'effect.absent': ['park', 'The actor {value} has no pending effect "{name}". Pending are: {known}.'],
  'effect.deadline': ['park', 'The effect "{value}" did not end within {ms} ms.'],
  'effect.unplaced': [
    'park',
    'The effect "{value}" ran nowhere within {ms} ms: {reason}. Start a node with --label {label} that serves the kind, or give the effect a later deadline.',
  ],
  'effect.exhausted': ['park', 'The effect "{value}" failed {attempts} times; the last error was: {reason}'],
} as const satisfies Record<string, FaultEntry>
