/**
 * What the runtime tells of itself, in words and by importance. No payload and no secret is in a
 * trace; what a machine logs itself is the one thing that comes from an event, and is cut.
 */
import type { Trace } from '#runtime/index.ts'
import type { NodePhase } from '#protocol/heartbeat.ts'
import { textOfCutTrace } from './cut-trace-text.ts'
import { clip, plural, rangesText, span } from './layout.ts'
import { plain } from './output.ts'

export const levels = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const

export type Level = (typeof levels)[number]

export type Told = { readonly level: Exclude<Level, 'silent'>; readonly text: string }

const loggedChars = 500

export function textOfTrace(event: Trace): Told {
  switch (event.is) {
    case 'node.ready':
      return {
        level: 'info',
        text:
          event.partitions === 0
            ? `node ${event.node} has joined realm ${event.realm}, after ${event.ms} ms; the others give it its share`
            : `node ${event.node} runs ${plural(event.partitions, 'partition')} of realm ${event.realm}, after ${event.ms} ms`,
      }
    case 'node.stopped':
      return { level: 'info', text: `node ${event.node} has let go of its partitions` }
    case 'node.failed':
      return { level: 'error', text: `node ${event.node} ended: ${event.fault.message} (${event.fault.code})` }
    case 'node.superseded':
      return {
        level: 'warn',
        text: `node ${event.node} lets go of generation ${event.generation}, which takes nothing more, and goes on in the next one`,
      }
    case 'node.waits':
      return {
        level: 'warn',
        text: `cannot start yet, tries ${Number.isFinite(event.forMs) ? `for ${span(event.forMs)} more` : 'until it can'}: ${event.fault.message} (${event.fault.code})`,
      }
    case 'node.drain':
      return { level: 'info', text: drainText(event) }
    case 'node.late':
      return {
        level: 'warn',
        text: `the time to give partitions away is over (drain.graceMs); the others claim what is left: ${rangesText(event.left)}`,
      }
    case 'member':
      return { level: 'info', text: `node ${event.node} ${memberTexts[event.phase]}` }
    case 'duty.failed':
      return {
        level: 'warn',
        text: `could not take or give partitions: ${event.fault.message} (${event.fault.code}); tried again soon`,
      }
    case 'follow.failed':
      return {
        level: 'warn',
        text: `could not follow partition ${event.partition}: ${event.fault.message} (${event.fault.code}); tried again soon`,
      }
    case 'partition.claimed':
      return { level: 'debug', text: `claimed partition ${event.partition} (epoch ${event.epoch})` }
    case 'partition.lost':
      // Of those that another claimed one line is said for all.
      if (event.fault.code === 'partition.lost') return { level: 'debug', text: `lost partition ${event.partition}` }
      return { level: 'warn', text: `lost partition ${event.partition}: ${event.fault.message} (${event.fault.code})` }
    case 'partition.released':
      return { level: 'debug', text: `released partition ${event.partition}` }
    case 'fold.progress':
      return { level: 'info', text: `reading the log: ${event.read} of ${event.of}` }
    case 'fold.rebuilt':
      return { level: 'warn', text: `making the store again from the log: ${event.reason}` }
    case 'base.taken':
      return {
        // After a restore, and where a node is new, all partitions begin so.
        level: event.from === 0 ? 'debug' : 'info',
        text: `partition ${event.partition} goes on from the base of record ${event.to}; the store had it up to ${event.from}`,
      }
    case 'base.unpacked':
      return {
        level: 'info',
        text: `unpacked partition ${event.partition} of what was restored: ${plural(event.actors, 'actor')}`,
      }
    case 'stepped':
      return {
        level: 'trace',
        text: `${event.address} stepped ${event.type}${event.mark === undefined ? '' : ` (${event.mark})`}`,
      }
    case 'committed':
      return {
        level: 'trace',
        text: `partition ${event.partition} committed ${plural(event.steps, 'step')} as number ${event.n} (${event.form})`,
      }
    case 'commit.unknown':
      return {
        level: 'warn',
        text: `partition ${event.partition} does not know yet whether commit ${event.n} was stored: ${event.fault.message}`,
      }
    case 'parked':
      return {
        level: 'warn',
        text: `parked what came to ${event.address}: ${event.fault.message} (${event.fault.code})`,
      }
    case 'unhandled':
      return { level: 'debug', text: `${event.address} has no transition for ${event.type} now` }
    case 'effect.begun':
      return { level: 'debug', text: `${event.address} runs ${event.name}, attempt ${event.attempt}` }
    case 'effect.ended': {
      const isPlain = event.outcome === 'done' || event.outcome === 'aborted'
      return { level: isPlain ? 'debug' : 'warn', text: `${event.address}: ${event.name} ended: ${event.outcome}` }
    }
    case 'effect.retry':
      return {
        level: 'info',
        text: `${event.address}: ${event.name} failed (${event.fault.message}); attempt ${event.attempt} follows`,
      }
    case 'effect.sent':
      return {
        level: 'debug',
        text: `${event.address}: ${event.name} ${event.isQueued ? 'waits in line' : 'runs'} on ${event.node}, attempt ${event.attempt}`,
      }
    case 'effect.orphaned':
      return { level: 'warn', text: `${event.address}: ${event.node}, which ran ${event.name}, is gone` }
    case 'effect.answered':
      return {
        level: 'info',
        text: `${event.address}: ${event.name} was answered from the journal${event.isEnded ? '' : ' so far'}; it did not run`,
      }
    case 'effect.waits':
      if (event.for === 'fork')
        return { level: 'warn', text: `${event.address}: ${event.name} does not run: ${event.reason}` }
      if (event.for === 'carrier')
        return { level: 'warn', text: `${event.address}: ${event.name} can run nowhere: ${event.reason}` }
      return {
        level: 'warn',
        text: `${event.address}: nobody knows how ${event.name} ended; say it with: perdure effects resolve ${event.address} ${event.effect} --output JSON`,
      }
    case 'timer.late':
      return { level: 'debug', text: `${event.address}: timer ${event.name} was ${event.ms} ms late` }
    case 'timers.thawed':
      return { level: 'info', text: `the timers of ${event.realm} go on; they stood still for ${span(event.ms)}` }
    case 'actor.log':
      return {
        level: 'info',
        text: clip(
          `${event.address}: ${event.label === undefined ? '' : `${event.label}: `}${loggedText(event.value)}`,
          loggedChars,
        ),
      }
    case 'actor.unfit':
      return { level: 'error', text: `${event.address} is set aside: ${event.fault.message} (${event.fault.code})` }
    case 'kind.changed':
      return { level: 'info', text: `the definition of ${event.kind} changed: ${event.differences.join(' ')}` }
    case 'partitions.wait':
      return event.reason === undefined
        ? { level: 'info', text: `partitions ${rangesText(event.partitions)} can be served again` }
        : { level: 'warn', text: `partitions ${rangesText(event.partitions)} wait: ${event.reason}` }
    case 'rollout.back':
      return {
        level: event.left > 0 ? 'warn' : 'info',
        text: `partition ${event.partition}: ${plural(event.done, 'actor')} of ${event.kind} taken back to version ${event.to}${event.left > 0 ? `, ${event.left} could not be` : ''}`,
      }
    case 'reader.repaired':
      return { level: 'debug', text: `began reading partition ${event.partition} again: ${event.reason}` }
    case 'bus.state':
      return { level: event.state === 'disconnected' ? 'warn' : 'debug', text: `the server is ${event.state}` }
    case 'server.silent':
      return { level: 'warn', text: `${event.fault.message} (${event.fault.code})` }
    case 'bus.barred':
      return { level: 'error', text: `${event.fault.message} (${event.fault.code})` }
    case 'log.shorter':
      return { level: 'error', text: `${event.fault.message} (${event.fault.code})` }
    case 'trim.failed':
      return {
        level: 'warn',
        text: `the log could not be trimmed (${event.fault.message}), ${plural(event.failures, 'time')} in a row; tried again in ${event.retryMs} ms`,
      }
    case 'log.mended':
      return {
        level: 'warn',
        text: `the log had lost its end: ${event.entries} entries were appended again (positions ${event.from} to ${event.to}); ${event.missing} of them nobody had folded`,
      }
    case 'log.forked':
      return { level: 'error', text: event.fault.message }
    case 'trimmed':
      return { level: 'debug', text: `trimmed ${event.removed} entries of the log, up to ${event.upTo}` }
    default:
      return textOfCutTrace(event) ?? { level: 'debug', text: JSON.stringify(event) }
  }
}

const memberTexts: Readonly<Record<NodePhase, string>> = {
  joining: 'joins',
  ready: 'is here',
  leaving: 'gives its partitions away',
  mending: 'waits until the log is mended',
  gone: 'is gone',
}

function drainText({ asked, partitions }: Extract<Trace, { is: 'node.drain' }>): string {
  if (asked === 'undo') return 'was asked to take its share again'
  const then = asked === 'stop' ? 'then to stop' : 'and to stay'
  return `was asked to give ${plural(partitions, 'partition')} away, ${then} (perdure drain)`
}

function loggedText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(plain(value)) ?? String(value))
}
