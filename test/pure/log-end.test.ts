/** In a cluster the end of the log is what its leader says that a majority follows, and nobody else's word. */
import { expect, test } from 'vitest'
import type { Calls } from '#runtime/nats/calls.ts'
import { openLogCalls } from '#runtime/nats/log-calls.ts'
import type { StreamInfo } from '#runtime/nats/realm-stream.ts'

type Cluster = NonNullable<StreamInfo['cluster']>

const second = 1e9
const heard = { name: 'other', current: true, active: 0.3 * second }
const silent = { name: 'other', current: false, active: 7 * second }
const never = { name: 'other', current: false, active: 0 }

const infoOf = (lastSeq: number, cluster?: Cluster): object => ({
  config: {},
  created: 'then',
  state: { first_seq: 1, last_seq: lastSeq, messages: lastSeq, bytes: 0 },
  ...(cluster === undefined ? {} : { cluster }),
})

/** The end that is found when the servers answer so, one after the other. */
async function endOf(answers: readonly object[]): Promise<number> {
  let asked = 0
  const call = ((): Promise<unknown> =>
    Promise.resolve(answers[Math.min(asked++, answers.length - 1)])) as Calls['call']
  const realm = { name: 'realm', generation: 0, partitions: 4 }
  const calls = openLogCalls({ call }, { stream: 'realm', realm }, { callMs: 20, reconnectMs: 1, heartbeatMs: 0 })
  return (await calls.logState()).lastSeq
}

const whole = infoOf(100, { leader: 'b', replicas: [heard, heard] })

test.each<readonly [string, Cluster]>([
  ['a server that knows no leader', { replicas: [heard, heard] }],
  ['a server whose leader has no name', { leader: '', replicas: [heard, heard] }],
  ['a leader that was cut off and does not know yet', { leader: 'a', replicas: [silent, silent] }],
  ['a leader that has not heard anybody yet', { leader: 'a', replicas: [never, never] }],
  ['a leader whose others are gone', { leader: 'a', replicas: [{ ...heard, offline: true }, silent] }],
])('the answer of %s does not count, and the next one does', async (_, cluster) => {
  expect(await endOf([infoOf(90, cluster), whole])).toBe(100)
})

test.each<readonly [string, Cluster | undefined]>([
  ['one server alone', undefined],
  ['a log that is kept once in a cluster', { leader: 'a' }],
  ['a leader that one of two others follows', { leader: 'a', replicas: [heard, silent] }],
])('%s is believed at once', async (_, cluster) => {
  expect(await endOf([infoOf(90, cluster), whole])).toBe(90)
})

test('where no leader comes it says so after a while', async () => {
  await expect(endOf([infoOf(90, { replicas: null })])).rejects.toMatchObject({
    code: 'bus.leaderless',
    verdict: 'retry',
  })
})
