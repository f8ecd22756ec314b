/** How tests launch the embedded server: any free port, the realm `main`, nobody who listens. */
import { ensureCredentials } from '#runtime/server/credentials.ts'
import type { LaunchOptions } from '#runtime/server/launch-server.ts'

export async function launchOptionsOf(binary: string, dir: string): Promise<LaunchOptions> {
  return {
    binary,
    dir,
    port: 0,
    httpPort: 0,
    durability: 'process',
    maxPayload: 1_048_576,
    credentials: await ensureCredentials(dir),
    realms: ['main'],
    readable: ['ev.>'],
    graceMs: 5_000,
    onLine: () => {},
    onProgress: () => {},
    onFault: () => {},
  }
}
