/**
 * A crawler that is gentle: one actor for each site, one page at a time, a pause between two, and
 * a kill in the middle costs nothing but the page that was being fetched. This program embeds a
 * node of its own, on the server that `npm start` starts, in a realm of its own.
 *
 *     npm run example crawler -- https://example.org/ --pages 20 --pause 1000
 *
 * Its actors can also be served by a node that is there for nothing else:
 *
 *     npx perdure up --actors examples/crawler.ts
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { actor, openNode, openRealm } from 'perdure'
import { and, assign, emit, fromPromise, not, setup } from 'xstate'

type Page = { readonly url: string; readonly status: number; readonly title: string; readonly links: readonly string[] }

type Input = { readonly url: string; readonly pages: number; readonly pauseMs: number }

type Context = Omit<Input, 'url'> & {
  readonly waiting: readonly string[]
  readonly known: readonly string[]
  readonly fetched: number
  readonly failed: number
}

/** An effect: recorded before it runs, tried again when it fails, aborted when its state is left. */
const fetchPage = fromPromise(
  async ({ input, signal }: { input: { readonly url: string }; signal: AbortSignal }): Promise<Page> => {
    const response = await fetch(input.url, { signal, headers: { 'user-agent': 'perdure-example-crawler' } })
    const isPage = response.headers.get('content-type')?.startsWith('text/html') === true
    const text = isPage ? (await response.text()).slice(0, 500_000) : ''
    const links = [...text.matchAll(/<a\s[^>]*href="([^"#]+)/gi)].flatMap(([, href = '']) =>
      URL.canParse(href, input.url) ? [new URL(href, input.url).href] : [],
    )
    const title = /<title[^>]*>([^<]*)/i.exec(text)?.[1]?.trim() ?? ''
    return {
      url: input.url,
      status: response.status,
      title: title.slice(0, 200),
      links: [...new Set(links)].slice(0, 200),
    }
  },
)

/** Fetches the next page that waits, rests, and begins again, until it has enough or nothing waits. */
export const crawlerMachine = setup({
  types: {
    context: {} as Context,
    input: {} as Input,
    events: {} as { type: 'STOP' },
    emitted: {} as
      | { type: 'PAGE'; url: string; status: number; title: string }
      | { type: 'FAILED'; url: string; reason: string },
    output: {} as { fetched: number; failed: number; left: number },
  },
  actors: { fetchPage },
  delays: { pause: ({ context }) => context.pauseMs },
  guards: {
    hungry: ({ context }) => context.fetched + context.failed < context.pages,
    idle: ({ context }) => context.waiting.length === 0,
  },
}).createMachine({
  id: 'crawler',
  context: ({ input: { url, pages, pauseMs } }) => ({
    pages,
    pauseMs,
    waiting: [url],
    known: [url],
    fetched: 0,
    failed: 0,
  }),
  initial: 'choosing',
  output: ({ context: { fetched, failed, waiting } }) => ({ fetched, failed, left: waiting.length }),
  on: { STOP: '.done' },
  states: {
    choosing: {
      always: [{ guard: and(['hungry', not('idle')]), target: 'fetching' }, { target: 'done' }],
    },
    fetching: {
      invoke: {
        src: 'fetchPage',
        input: ({ context }) => ({ url: context.waiting[0] ?? '' }),
        onDone: {
          target: 'resting',
          actions: [
            emit(({ event: { output } }) => ({
              type: 'PAGE' as const,
              url: output.url,
              status: output.status,
              title: output.title,
            })),
            assign(({ context, event }) => withPage(context, event.output)),
          ],
        },
        onError: {
          target: 'resting',
          actions: [
            emit(({ context, event }) => ({
              type: 'FAILED' as const,
              url: context.waiting[0] ?? '',
              reason: (event.error as Error).message,
            })),
            assign({ failed: ({ context }) => context.failed + 1, waiting: ({ context }) => context.waiting.slice(1) }),
          ],
        },
      },
    },
    resting: { after: { pause: 'choosing' } },
    done: { type: 'final' },
  },
})

/** Only of the same site, each once, and no more than will ever be fetched. */
function withPage(context: Context, { url, links }: Page): Context {
  const fresh = links.filter((link) => new URL(link).origin === new URL(url).origin && !context.known.includes(link))
  const taken = fresh.slice(0, Math.max(0, context.pages - context.known.length))
  return {
    ...context,
    fetched: context.fetched + 1,
    waiting: [...context.waiting.slice(1), ...taken],
    known: [...context.known, ...taken],
  }
}

export const crawler = actor('crawler', crawlerMachine, {
  version: 1,
  effects: { fetchPage: { attempts: 3, backoffMs: 500, deadlineMs: 30_000 } },
  effectLimit: 4,
})

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      pages: { type: 'string', default: '10' },
      pause: { type: 'string', default: '1000' },
      dir: { type: 'string', default: '.perdure' },
    },
  })
  const [url] = positionals
  if (url === undefined || !URL.canParse(url)) {
    console.error('Which site? npm run example crawler https://example.org/')
    process.exitCode = 2
    return
  }

  // The credentials that `npm start` made; the fold of this realm stands in a directory of its own.
  const { user, pass, servers } = JSON.parse(await readFile(join(values.dir, 'credentials.json'), 'utf8')) as Record<
    'user' | 'pass' | 'servers',
    string
  >
  const place = { realm: 'crawl', dir: join(values.dir, 'crawl'), servers, auth: { user, pass } }
  await using _node = await openNode({ ...place, actors: [crawler] })
  await using realm = await openRealm(place)

  const pages = await realm.topic('crawler.>', ({ event }) => {
    console.log(
      event.type === 'PAGE'
        ? `${String(event['status'])} ${String(event['url'])} ${String(event['title'])}`
        : `failed ${String(event['url'])}: ${String(event['reason'])}`,
    )
  })
  // The same input again finds the crawl where it stood: after a kill, start this program again.
  const site = await realm.start(crawler, `${new URL(url).host} ${values.pages}`, {
    input: { url, pages: Number(values.pages), pauseMs: Number(values.pause) },
  })
  const { fetched, failed, left } = await site.output({ timeoutMs: 3_600_000 })
  await pages.stop()
  console.log(`${fetched} pages, ${failed} failed, ${left} left`)
}

/** Imported by a node (`--actors`) it is only its kinds. */
if (import.meta.main || process.argv[1]?.endsWith('examples/run.ts') === true) await main()
