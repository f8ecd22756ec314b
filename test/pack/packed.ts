/**
 * The package as somebody else gets it: packed from a copy of the checkout (so that no dist/
 * appears in it), then installed into an empty folder by the npm of this machine.
 */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const leftOut = new Set(['node_modules', 'dist', '.git', '.perdure', 'coverage'])

export type Ran = { readonly status: number | null; readonly out: string; readonly err: string }

export type Packed = {
  /** The folder with the installed package. */
  readonly folder: string
  readonly files: readonly string[]
  /** Why it could not be installed, when that is not the package's fault. */
  readonly unreachable: string | undefined
  run(command: string, ...args: readonly string[]): Ran
  [Symbol.asyncDispose](): Promise<void>
}

/** What npm says when no registry answers; any other failure is ours. */
const noRegistry =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/

export async function openPacked(): Promise<Packed> {
  const base = await mkdtemp(join(tmpdir(), 'perdure-pack-'))
  try {
    return await packInto(base)
  } catch (cause) {
    await rm(base, { recursive: true, force: true })
    throw cause
  }
}

async function packInto(base: string): Promise<Packed> {
  const [source, folder] = [join(base, 'source'), join(base, 'consumer')]
  await mkdir(folder)
  await cp(checkout, source, {
    recursive: true,
    filter: (path) => !leftOut.has(path.slice(checkout.length).split('/')[0] ?? ''),
  })
  await symlink(join(checkout, 'node_modules'), join(source, 'node_modules'))

  const packed = run(source, 'npm', 'pack', '--json', '--pack-destination', base)
  if (packed.status !== 0) throw new Error(`npm pack failed:\n${packed.out}${packed.err}`)
  const [{ filename, files }] = answerOf(packed.out)

  await writeFile(join(folder, 'package.json'), '{ "name": "consumer", "private": true }\n')
  const installed = run(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', join(base, filename))
  const unreachable = installed.status === 0 ? undefined : noRegistry.exec(installed.err)?.[0]
  if (installed.status !== 0 && unreachable === undefined) throw new Error(`npm install failed:\n${installed.err}`)

  return {
    folder,
    files: files.map(({ path }) => path),
    unreachable,
    run: (command, ...args) => run(folder, command, ...args),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  }
}

type PackAnswer = { readonly filename: string; readonly files: readonly { readonly path: string }[] }

/** Newer versions of npm answer with an object by package name, older ones with a list. */
function answerOf(json: string): readonly [PackAnswer] {
  const start = json.search(/^[[{]/m)
  const answer = JSON.parse(json.slice(start)) as readonly PackAnswer[] | Readonly<Record<string, PackAnswer>>
  const [first] = Object.values(answer)
  if (first === undefined) throw new Error(`npm pack named no file: ${json}`)
  return [first]
}

export async function textOf(packed: Packed, file: string): Promise<string> {
  return await readFile(join(packed.folder, 'node_modules', 'perdure', file), 'utf8')
}

function run(cwd: string, command: string, ...args: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env: outsideEnv(), encoding: 'utf8' })
  return { status, out: stdout ?? '', err: error === undefined ? stderr : String(error) }
}

/** As on a machine that has this Node and knows nothing of the checkout whose script runs the test. */
function outsideEnv(): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((each) => !each.startsWith(checkout))
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|command|execpath|node_execpath)|npm_config_(local_)?prefix|INIT_CWD|NODE_|VITEST|TEST$)/.test(
        name,
      ),
  )
  return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), ...path].join(delimiter) }
}
