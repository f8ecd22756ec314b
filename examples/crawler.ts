/**
 * A crawler that never goes faster than its pace. Run `npm start` in one terminal and this in
 * another, with addresses that you may fetch:
 *
 *     npm run example crawler http://127.0.0.1:8080/a http://127.0.0.1:8080/b
 *
 * Without addresses it serves a few pages itself and fetches those.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openRealm } from 'perdure'
import { crawler } from '#actors/crawler.ts'

const given = process.argv.slice(2)
const site = createServer((request, response) => response.end(`page ${request.url}`)).listen(0, '127.0.0.1')
await new Promise((resolve) => site.once('listening', resolve))
const { port } = site.address() as AddressInfo
const urls = given.length > 0 ? given : [1, 2, 3, 4, 5].map((page) => `http://127.0.0.1:${port}/${page}`)

await using realm = await openRealm({ realm: 'main' })
const mine = realm.ref(crawler, `crawl-${Date.now()}`)
for (const url of urls) await mine.send({ type: 'VISIT', url })

const begun = Date.now()
const done = await mine.waitFor(({ context }) => context.seen.length + context.failed.length === urls.length, { timeoutMs: 120_000 })
console.log(`${done.context.seen.length} fetched, ${done.context.failed.length} failed, in ${Date.now() - begun} ms`)
site.close()
