/** A node of three dies under load: the others serve what it had, and nothing is lost, doubled or out of order. */
import { expect, test } from 'vitest'
import { killInTurn } from './laws.ts'

test('partitions of a killed node that had a standby are served again within 1.5 s, and nothing is lost, twice or out of order', async ({
  annotate,
}) => {
  const { silencesMs, waitsMs, perSecond } = await killInTurn(3, { seed: 1, eventsPerSecond: 600 })
  await annotate(
    `three kills at ${perSecond.toFixed(0)} events/s: silent for ${silencesMs.join(', ')} ms; the longest wait of an event ${Math.max(...waitsMs)} ms`,
    'measured',
  )
  expect(Math.max(...silencesMs)).toBeLessThan(1500)
})
