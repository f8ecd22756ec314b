/** Faults of looking back, replaying and rewinding. Nothing of a realm is changed by any of them. */
import type { FaultEntry } from './entry.ts'

export const pastFaults = {
  'past.unreachable': [
    'crash',
    'What {value} was at {instant} cannot be found any more: {reason}. Cuts reach further back than the log ("perdure cut ls"), and history.windowMs says how long the log is kept.',
  ],
  'past.absent': ['crash', 'There was no actor {value} at {instant}.'],
  'instant.unreadable': [
    'crash',
    '"{value}" is no instant: {reason}. Write a place on the log (1041), a time (2026-03-01T10:15, 10:15, 5m for five minutes ago), or a cut (its id, its name, last).',
  ],
  'past.tooLong': [
    'crash',
    '{value} was changed by more than {limit} commits in that time. Begin later (--from), or raise --limit.',
  ],
  'past.tooMuch': [
    'crash',
    'What {value} was in that time takes more than {limit} bytes. Begin later (--from), or end earlier (--until).',
  ],
  'past.noMachine': [
    'crash',
    'There is no kind "{value}" in {file} to replay with. Name a module that exports it (--machine, or --actors).',
  ],
  'past.input': [
    'crash',
    'This line of inputs cannot be read: {reason}. Lines are as "perdure inputs --json" prints them: {value}',
  ],
  'invariant.invalid': [
    'crash',
    '"{value}" cannot be the name of an invariant: it needs 1 to 100 characters on one line.',
  ],
  'invariant.late': [
    'crash',
    'The invariant "{value}" took more than {ms} ms (cuts.checkMs). Read less of the cut, or raise the setting.',
  ],
  'invariant.keepsTooMuch': [
    'crash',
    'What the invariant "{value}" keeps for the next cut takes {bytes} bytes, of the {limit} that there are for it. Keep less: counts, or the oldest of what it follows.',
  ],
  'invariant.incomplete': [
    'crash',
    'The invariant "{value}" cannot be made of this: {reason}. Write eventually(name, { from, to, withinMs }): two functions that are given an actor, and within how many milliseconds.',
  ],
  'invariant.throws': ['crash', 'The invariant "{value}" threw: {reason}. Whether it holds is not known.'],
  'rewind.moved': [
    'park',
    '{value} has gone on since it was decided to rewind it, so it was left as it is. Look again ("perdure rewind") and decide anew.',
  ],
  'rewind.nobody': [
    'park',
    '{value} was not there at that instant, so it cannot take an event in the commit that sets it back. Choose a later instant, or rewind without an event ("--then", `then`) and send it behind.',
  ],
  'rewind.notLost': [
    'crash',
    'A line of {file} is nothing that this rewind loses: {value}. Take the lines of "perdure rewind {address} --to … --list-replay"; drop some, or change their events. What is new is sent with --then, or behind it.',
  ],
  'rewind.otherList': [
    'crash',
    'Line {line} of {value} comes from the list of {have}, and this rewinds {want}. Make the list anew: "perdure rewind {want} --to … --list-replay".',
  ],
  'rewind.tooMany': [
    'crash',
    'More than {limit} actors would have to go back with {value}. Choose a later instant, or restore a cut ("perdure restore"): that takes the whole realm back at once.',
  ],
  'rewind.late': [
    'retry',
    'It is not known yet whether {value} went back: its envelope at {seq} is stored and not stepped. Look with "perdure show" and "perdure parked".',
  ],
} as const satisfies Record<string, FaultEntry>
