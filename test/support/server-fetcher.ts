/** A process of its own that fetches a server and says in one line where it is, or why not. */
import { storedFaultOf } from '#protocol/fault.ts'
import { fetchServer } from '#runtime/server/fetch-server.ts'

const [, , cacheDir = '', searchPath = ''] = process.argv

try {
  const binary = await fetchServer({ cacheDir, searchPath, minimum: '2.12.1', onProgress: () => {} })
  process.stdout.write(`${JSON.stringify({ binary })}\n`)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ fault: storedFaultOf(error) })}\n`)
}
