/**
 * The steps of a cut at which a process can be told to die, before or after each: shared by the
 * process that dies and by the test that tells it where.
 */
import { writeSync } from 'node:fs'
import { decodeRecord } from '#protocol/record.ts'
import { parseStored } from '#protocol/subject.ts'
import type { Bus, Entry } from '#runtime/bus.ts'
import type { Store } from '#store/store.ts'

/** Of whoever takes the cut. */
export const takerSteps = ['marker stored', 'manifest stored', 'note written'] as const
/** Of everybody who owns a partition. */
export const ownerSteps = ['marker commit', 'fold', 'view opened', 'segment stored', 'slice document stored'] as const

export type CutStep = (typeof takerSteps)[number] | (typeof ownerSteps)[number]

export type CutDeath = { readonly step: CutStep; readonly when: 'before' | 'after' }

export type CutReaper = {
  /** At the next time that this process comes there; nothing: it lives. */
  arm(death: CutDeath | undefined): void
  at<T>(step: CutStep, act: () => Promise<T>): Promise<T>
  now<T>(step: CutStep, act: () => T): T
}

export function cutReaperOf(): CutReaper {
  let armed: CutDeath | undefined

  function reach(step: CutStep, when: CutDeath['when']): void {
    if (armed?.step !== step || armed.when !== when) return
    writeSync(1, `${JSON.stringify({ died: step, when })}\n`)
    process.kill(process.pid, 'SIGKILL')
    // The signal is on its way; until it is here nothing more may happen.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
  }

  return {
    arm: (death) => void (armed = death),
    async at(step, act) {
      reach(step, 'before')
      const result = await act()
      reach(step, 'after')
      return result
    },
    now(step, act) {
      reach(step, 'before')
      const result = act()
      reach(step, 'after')
      return result
    },
  }
}

function stepOfEntry({ subject, data }: Entry): CutStep | undefined {
  const stored = parseStored(subject)
  if (stored.is === 'cut') return 'marker stored'
  if (stored.is !== 'commit' || subject.endsWith('.mended')) return undefined
  const record = decodeRecord(data)
  return record.is === 'commit' && record.cut !== undefined ? 'marker commit' : undefined
}

function stepOfBlob(name: string): CutStep {
  if (name.startsWith('segment.')) return 'segment stored'
  return name.split('.').length === 2 ? 'manifest stored' : 'slice document stored'
}

export function mortalCutBus(bus: Bus, reaper: CutReaper): Bus {
  const append = <T>(entry: Entry | undefined, act: () => Promise<T>): Promise<T> => {
    const step = entry === undefined ? undefined : stepOfEntry(entry)
    return step === undefined ? act() : reaper.at(step, act)
  }
  return {
    ...bus,
    append: (entry) => append(entry, () => bus.append(entry)),
    appendAll: (entries) => append(entries[0], () => bus.appendAll(entries)),
    cuts: {
      ...bus.cuts,
      put: (name, bytes) => reaper.at(stepOfBlob(name), () => bus.cuts.put(name, bytes)),
      add: (name, bytes, hash) => reaper.at(stepOfBlob(name), () => bus.cuts.add(name, bytes, hash)),
    },
    notes: {
      ...bus.notes,
      put: (...given) =>
        given[0].startsWith('cut.')
          ? reaper.at('note written', () => bus.notes.put(...given))
          : bus.notes.put(...given),
    },
  }
}

export function mortalCutStore(store: Store, reaper: CutReaper): Store {
  return {
    ...store,
    fold: (folds, held) =>
      folds.some(({ cut }) => cut !== undefined)
        ? reaper.at('fold', () => store.fold(folds, held))
        : store.fold(folds, held),
    slice: (partition) => reaper.now('view opened', () => store.slice(partition)),
  }
}
