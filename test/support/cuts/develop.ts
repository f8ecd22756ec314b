/** A whole cut, read again as somebody who was not there when it was taken. */
import type { StateRow } from '#protocol/cut.ts'
import type { Bus } from '#runtime/bus.ts'
import { cutShelfOf } from '#runtime/cuts/reading/cut-shelf.ts'
import { openCut } from '#runtime/cuts/reading/open-cut.ts'
import type { Archive } from '#store/archive.ts'
import type { TakenCut } from '#test/support/sim/cut-audit.ts'

/** `archive`: an empty one that knows the secret. */
export async function developCut(bus: Bus, archive: Archive, id: string): Promise<TakenCut> {
  const view = await openCut({ shelf: cutShelfOf({ bus, archive }), archive }, id)
  const { manifest } = view
  const slices = await Promise.all(manifest.slices.map(({ partition }) => view.slice(partition)))
  const states: StateRow[] = []
  for (const { partition } of manifest.slices) states.push(...(await Array.fromAsync(view.states(partition))))
  return { manifest, slices, states, flights: await Array.fromAsync(view.flights()) }
}
