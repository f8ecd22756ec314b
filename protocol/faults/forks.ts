/** Faults of forks: what stands in the way of making, serving or removing one. The parent is changed by none of them. */
import type { FaultEntry } from './entry.ts'

export const forkFaults = {
  'fork.unreadable': [
    'crash',
    'What this realm was forked from cannot be read: {reason}. It is not served, because its effects could reach the world a second time. Use a newer perdure, or remove it ("perdure fork rm").',
  ],
  'fork.effects': [
    'crash',
    '"{value}" says nothing of the effects of a fork. Say journal, block, or allow: and kinds or names with commas between, for example allow:quote,order.price.',
  ],
  'fork.sameName': ['crash', 'A fork cannot have the name of its parent, "{value}". Give it another one with --as.'],
  'fork.taken': [
    'crash',
    'There is a realm "{value}" already, {what}. Name the fork otherwise (--as), or remove that one if it is a fork that nobody needs ("perdure fork rm {value}").',
  ],
  'fork.unknown': ['crash', 'There is no fork "{value}". "perdure fork ls" lists those there are.'],
  'fork.notFork': [
    'crash',
    'The realm "{value}" is no fork, and "perdure fork rm" removes nothing else. Nothing was changed.',
  ],
  'fork.served': [
    'crash',
    'The fork "{value}" is served by {nodes}. Stop that first, so that nothing goes on in a realm that is being removed; then remove it.',
  ],
  'fork.needed': [
    'crash',
    'The fork "{value}" is itself forked, as {forks}, which reads what it began with from there. Remove that first ("perdure fork rm {forks}"); nothing was changed.',
  ],
  'fork.gone': [
    'crash',
    'The fork "{value}" was removed while this node served it. The node ends; a realm of that name is not made anew.',
  ],
  'fork.journal': [
    'crash',
    'More than {limit} results of effects stand on the log of "{realm}" behind the cut, which is more than a fork looks through. Fork from a newer cut.',
  ],
  'fork.otherLog': [
    'crash',
    'The realm "{realm}" that is here is not the one that the fork is of: the log of its generation {generation} is another one, or is gone.',
  ],
  'fork.effectBlocked': ['park', 'The effect "{value}" does not run in this fork: {reason}.'],
  'timers.free': [
    'crash',
    'The timers of the realm "{value}" do not stand still, so there is nothing to thaw. Nothing was changed.',
  ],
  'cut.held': [
    'crash',
    'The cut {value} is needed by the fork {forks}. Remove that first ("perdure fork rm {forks}"); nothing was changed.',
  ],
} as const satisfies Record<string, FaultEntry>
