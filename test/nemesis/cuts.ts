/**
 * Whether the cuts of a run are what they say: one that is whole is consistent with the log and with
 * itself, one that is not says why, and in calm one becomes whole.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { CutNote } from '#protocol/cut.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import { openMemoryArchive } from '#store/memory-archive.ts'
import { cutFaultsOf, type TakenCut } from '#test/support/sim/cut-audit.ts'
import type { NemesisWorld } from './world.ts'

const lookMs = 200

/** What is broken, in sentences. */
export async function cutFaults({ bus, log, members, tell }: NemesisWorld, patienceMs: number): Promise<string[]> {
  const archive = openMemoryArchive()
  const shelf = cutShelfOf({ bus, archive })
  const begun = new Set((await shelf.notes()).map(({ id }) => id))
  const [calm] = [...members.values()].filter(({ isAlive }) => isAlive)
  calm?.take()
  const deadline = performance.now() + patienceMs
  let notes: readonly CutNote[] = []
  // One whose taker died is given up by its deadline, or by whoever looks after it.
  for (; performance.now() < deadline; await pause(lookMs)) {
    notes = await shelf.notes()
    const isLast = notes.some(({ id, state }) => !begun.has(id) && state === 'whole')
    if (isLast && notes.every(({ state }) => state !== 'begun' && state !== 'recorded')) break
  }
  const faults = notes.flatMap(({ id, state, reason, deadline: until }) => {
    if (state === 'abandoned' && (reason ?? '') === '') return [`cut: ${id} was abandoned and does not say why`]
    const isLate = (state === 'begun' || state === 'recorded') && until < Date.now()
    return isLate ? [`cut: nobody gave ${id} up, which is ${state}`] : []
  })
  if (!notes.some(({ id, state }) => !begun.has(id) && state === 'whole')) faults.push('cut: none became whole in calm')
  const taken: TakenCut[] = []
  for (const { id, state } of notes) {
    if (state !== 'whole') continue
    const view = await openCut({ shelf, archive }, id)
    const slices = await Promise.all(view.manifest.slices.map(({ partition }) => view.slice(partition)))
    const states = []
    for (const { partition } of slices) states.push(...(await Array.fromAsync(view.states(partition))))
    taken.push({ manifest: view.manifest, slices, states, flights: await Array.fromAsync(view.flights()) })
  }
  tell(`${taken.length} of ${notes.length} cuts are whole`)
  return [...faults, ...cutFaultsOf(log.entries, taken).map((fault) => `cut: ${fault}`)]
}
