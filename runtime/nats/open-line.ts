/** A connection on which a server is asked about realms, and told, where none is served by it. */
import { type BusOptions, busTimes } from './bus-options.ts'
import { type Calls, openCalls } from './calls.ts'
import { type Link, openLink } from './link.ts'
import { openReplies } from './replies.ts'

export type Line = AsyncDisposable & { readonly link: Link; readonly calls: Calls; readonly callMs: number }

export async function openLine(options: BusOptions): Promise<Line> {
  const times = { ...busTimes, ...options.times }
  const { callMs } = times
  const link = await openLink(options, times)
  const replies = openReplies(link, options.inboxPrefix)
  return {
    link,
    calls: openCalls(link, replies, { realm: options.realm, callMs }),
    callMs,
    async [Symbol.asyncDispose]() {
      replies.close()
      await link.close()
    },
  }
}
