/** Machines that write each word they are told into their context, so that order shows. */
import { assign, setup } from 'xstate'

export type Trailed = { trail: string[] }

/** Writes a word into the context, so that order shows. */
export const trailing = setup({
  types: { context: {} as Trailed },
  actions: {
    mark: assign({ trail: ({ context }, word: string) => [...context.trail, word] }),
  },
})
export const mark = (word: string) => ({ type: 'mark', params: word }) as const
