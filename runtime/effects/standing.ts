/** Whether an effect is pending, as its actor's owner knows it: in memory, or as it was stored. */
import type { Address } from '#protocol/address.ts'
import { stateOfArray } from '#protocol/state.ts'
import type { Store } from '#store/store.ts'
import type { Standing } from './effects.ts'
import type { Residents } from '#runtime/partition/residents.ts'

type World = { readonly residents: Pick<Residents, 'peek'>; readonly store: Pick<Store, 'read'> }

export function standingIn({ residents, store }: World): (address: Address, effect: string) => Standing {
  return (address, effect) => {
    const resident = residents.peek(address)
    const array = resident === undefined ? store.read(address) : undefined
    const book = resident?.live?.book ?? (array === undefined ? undefined : stateOfArray(array).book)
    const isCommitted = resident === undefined || resident.staged === 0
    return { effect: book?.effects?.[effect], path: book?.parent?.path ?? [], isCommitted }
  }
}
