/** Fetches pages of one site, one at a time and never faster than its pace, however many are asked for. */
import { assign, emit, fromPromise, setup } from 'xstate'
import { actor, reply } from 'perdure'

type Event = { readonly type: 'VISIT'; readonly url: string } | { readonly type: 'STATUS' }

type Context = {
  readonly waiting: readonly string[]
  readonly seen: readonly string[]
  readonly failed: readonly string[]
}

export type Page = { readonly url: string; readonly status: number; readonly bytes: number }

export const crawlerMachine = setup({
  types: {
    context: {} as Context,
    events: {} as Event,
    emitted: {} as { readonly type: 'crawler.fetched'; readonly page: Page },
  },
  actors: {
    fetchPage: fromPromise<Page, { readonly url: string }>(async ({ input, signal }) => {
      const response = await fetch(input.url, { signal })
      return { url: input.url, status: response.status, bytes: (await response.arrayBuffer()).byteLength }
    }),
  },
  actions: {
    seen: assign({ waiting: ({ context }) => context.waiting.slice(1), seen: ({ context }) => [...context.seen, ...context.waiting.slice(0, 1)] }),
    failed: assign({ waiting: ({ context }) => context.waiting.slice(1), failed: ({ context }) => [...context.failed, ...context.waiting.slice(0, 1)] }),
  },
  delays: { pace: 200 },
  guards: { more: ({ context }) => context.waiting.length > 0 },
}).createMachine({
  id: 'crawler',
  context: { waiting: [], seen: [], failed: [] },
  initial: 'idle',
  on: {
    VISIT: {
      guard: ({ context, event }) => !context.seen.includes(event.url) && !context.waiting.includes(event.url),
      actions: assign({ waiting: ({ context, event }) => [...context.waiting, event.url] }),
    },
    STATUS: { actions: reply(({ context }) => context) },
  },
  states: {
    idle: { always: { guard: 'more', target: 'fetching' } },
    fetching: {
      invoke: {
        src: 'fetchPage',
        id: 'page',
        input: ({ context }) => ({ url: context.waiting[0] ?? '' }),
        onDone: { target: 'pausing', actions: ['seen', emit(({ event }) => ({ type: 'crawler.fetched', page: event.output }))] },
        onError: { target: 'pausing', actions: 'failed' },
      },
    },
    pausing: { after: { pace: 'idle' } },
  },
})

export const crawler = actor('crawler', crawlerMachine, {
  version: 1,
  effects: { fetchPage: { attempts: 3, backoffMs: 500, deadlineMs: 30_000 } },
  // The pace is the site's: time while nobody ran counts as a pause too.
  delays: { pace: 'deadline' },
})
