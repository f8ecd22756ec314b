/** Waits until what an operator asked for has happened to an actor, so that a command can say so. */
import { Fault } from '#protocol/fault.ts'
import { type Address, type RealmHandle, type ShownActor, systemClock } from '#runtime/index.ts'

const lookEveryMs = 25

export async function awaitActor(
  realm: RealmHandle,
  address: Address,
  timeoutMs: number,
  isDone: (shown: ShownActor | undefined) => boolean | Promise<boolean>,
): Promise<ShownActor | undefined> {
  const until = systemClock.now() + timeoutMs
  for (;;) {
    const shown = await realm.operate.show(address)
    if (await isDone(shown)) return shown
    if (systemClock.now() >= until) {
      const state =
        shown === undefined ? '"absent"' : JSON.stringify(shown.state.snapshot.value ?? shown.state.snapshot.status)
      throw new Fault('wait.deadline', { value: address, ms: timeoutMs, state })
    }
    await new Promise<void>((resolve) => systemClock.at(systemClock.now() + lookEveryMs, resolve))
  }
}
