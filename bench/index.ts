/**
 * Runs works and says how good they are: a row for each figure, or one line of JSON for each
 * work. Every work has a ground of its own; what failed is said and the rest goes on.
 */
import { readFileSync } from 'node:fs'
import { openGround } from './ground.ts'
import { headLine, rowOf } from './table.ts'
import { type Reference, type Verdict, verdictOf } from './verdict.ts'
import type { Figure, Work, WorkOptions } from './work.ts'
import { at } from './works/at.ts'
import { coldstart } from './works/coldstart.ts'
import { conversation } from './works/conversation.ts'
import { cut } from './works/cut.ts'
import { cutEvery } from './works/cut-every.ts'
import { cutLarge } from './works/cut-large.ts'
import { cutQueue } from './works/cut-queue.ts'
import { fork } from './works/fork.ts'
import { fold } from './works/fold.ts'
import { handover } from './works/handover.ts'
import { memory } from './works/memory.ts'
import { restore } from './works/restore.ts'
import { scale } from './works/scale.ts'
import { start } from './works/start.ts'
import { takeover } from './works/takeover.ts'
import { timers } from './works/timers.ts'
import { w1 } from './works/w1.ts'
import { w1p } from './works/w1p.ts'
import { w2a } from './works/w2a.ts'
import { w2b } from './works/w2b.ts'
import { w3 } from './works/w3.ts'
import { wake } from './works/wake.ts'

export const works: readonly Work[] = [
  w1,
  w1p,
  w2a,
  w2b,
  w3,
  wake,
  takeover,
  handover,
  start,
  coldstart,
  memory,
  timers,
  conversation,
  fold,
  scale,
  cut,
  cutLarge,
  cutQueue,
  cutEvery,
  restore,
  fork,
  at,
]

export type BenchOptions = {
  /** One line of JSON a work instead of a table. */
  readonly json: boolean
  readonly quick: boolean
  readonly rounds: number
  /** Directories are made here and removed again; the disk under it is measured too. */
  readonly dir: string
  /** Where the node's CPU profiles go. */
  readonly profile?: string | undefined
  write(line: string): void
  /** What is going on, for a person who waits. */
  note(line: string): void
}

export type WorkResult = Verdict & {
  readonly work: string
  /** Further figures of the same work, which must be met as well. */
  readonly parts?: readonly (Verdict & { readonly part: string })[]
}

/** No names: all works. Resolves with whether every target was met. */
export async function runBench(names: readonly string[], options: BenchOptions): Promise<boolean> {
  const chosen = names.length === 0 ? works : names.map(workNamed)
  const reference = readReference()
  if (!options.json) options.write(headLine())
  let isMet = true
  for (const work of chosen) {
    options.note(`${work.name}: ${work.title}`)
    try {
      const figures = await work.run(workOptionsOf(options))
      const result = resultOf(work, figures, reference)
      if (options.json) options.write(JSON.stringify(result))
      else for (const row of rowsOf(work, figures, reference)) options.write(row)
      isMet &&= result.met
    } catch (error) {
      isMet = false
      const reason = error instanceof Error ? error.message : String(error)
      options.write(
        options.json
          ? JSON.stringify({ work: work.name, met: false, problem: reason })
          : `${work.name}: failed, ${reason}`,
      )
    }
  }
  return isMet
}

function workNamed(name: string): Work {
  const found = works.find((work) => work.name === name)
  if (found === undefined)
    throw new Error(`No work is named ${name}; there are ${works.map((work) => work.name).join(', ')}.`)
  return found
}

function workOptionsOf({ quick, rounds, dir, profile, note }: BenchOptions): WorkOptions {
  return {
    quick,
    rounds: quick ? 1 : rounds,
    note,
    openGround: (durability = 'process') => openGround({ dir, durability, profile, onLine: note }),
  }
}

function resultOf(work: Work, figures: readonly Figure[], reference: Reference): WorkResult {
  const [main, ...more] = figures.map((figure) => verdictOf(figure, reference))
  if (main === undefined) throw new Error(`${work.name} measured nothing`)
  const parts = more.map((verdict, at) => ({ part: figures[at + 1]?.part ?? '', ...verdict }))
  const met = main.met && parts.every((part) => part.met)
  return { work: work.name, ...main, met, ...(parts.length === 0 ? {} : { parts }) }
}

function rowsOf(work: Work, figures: readonly Figure[], reference: Reference): string[] {
  return figures.map((figure) => {
    const name = figure.part === undefined ? work.name : `${work.name} ${figure.part}`
    return rowOf(name, verdictOf(figure, reference), figure.better)
  })
}

/** What raw JetStream reached on the machine for which the absolute targets were set. */
function readReference(): Reference {
  return JSON.parse(readFileSync(new URL('./reference.json', import.meta.url), 'utf8')) as Reference
}
