/**
 * A process of its own for each part of a measurement: the node, the senders, the raw ends. A
 * program answers named calls over the channel to its parent, one file for both sides, so that
 * who calls and who answers cannot disagree. Invariant: a program ends with its parent.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { instantMs } from './instant.ts'

export type Calls = Readonly<Record<string, (argument: never) => unknown>>

type Argument<C extends Calls, N extends keyof C> = Parameters<C[N]>[0]
type Answer<C extends Calls, N extends keyof C> = Awaited<ReturnType<C[N]>>

export type Program<C extends Calls> = AsyncDisposable & {
  readonly pid: number
  /** When its process was asked for. */
  readonly startedAt: number
  call<N extends keyof C & string>(name: N, argument: Argument<C, N>): Promise<Answer<C, N>>
  /** SIGKILL: it gets no chance to say anything. */
  kill(): Promise<void>
  /** Lets it end by itself, which writes its profile if one is wanted. */
  stop(): Promise<void>
}

type Asked = { readonly id: number; readonly name: string; readonly argument: unknown }
type Told = { readonly id: number; readonly value?: unknown; readonly problem?: string }

export type ProgramOptions = { readonly cwd: string; readonly execArgv?: readonly string[] }

const farewellMs = 10_000

export function startProgram<C extends Calls>(file: URL, { cwd, execArgv = [] }: ProgramOptions): Program<C> {
  const startedAt = instantMs()
  const child = fork(fileURLToPath(file), { cwd, execArgv: [...execArgv], serialization: 'advanced' })
  const waiting = new Map<
    number,
    { readonly done: (value: unknown) => void; readonly failed: (error: Error) => void }
  >()
  let count = 0

  child.on('message', (told: Told) => {
    const one = waiting.get(told.id)
    waiting.delete(told.id)
    if (told.problem === undefined) one?.done(told.value)
    else one?.failed(new Error(told.problem))
  })
  const ended = once(child, 'exit').then(([code, signal]) => {
    for (const one of waiting.values()) one.failed(new Error(`${nameOf(file)} ended (${String(signal ?? code)})`))
    waiting.clear()
  })

  const end = async (act: () => void): Promise<void> => {
    if (hasEnded(child)) return
    act()
    await ended
  }
  const stop = (): Promise<void> =>
    end(() => {
      child.disconnect()
      const harder = setTimeout(() => child.kill('SIGKILL'), farewellMs)
      void ended.then(() => clearTimeout(harder))
    })
  return {
    pid: child.pid ?? 0,
    startedAt,
    call: (name, argument) =>
      new Promise((done, failed) => {
        if (hasEnded(child)) return failed(new Error(`${nameOf(file)} is not running`))
        const id = ++count
        waiting.set(id, { done: done as (value: unknown) => void, failed })
        child.send({ id, name, argument } satisfies Asked)
      }),
    kill: () => end(() => void child.kill('SIGKILL')),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The program's own side. `bye` runs when the parent has let go, and the process ends after it. */
export function answerCalls(calls: Calls, bye: () => Promise<void>): void {
  process.on('message', ({ id, name, argument }: Asked) => {
    const call = calls[name] as ((argument: unknown) => unknown) | undefined
    const answer = async (): Promise<unknown> => {
      if (call === undefined) throw new Error(`no call is named ${name}`)
      return await call(argument)
    }
    answer().then(
      (value) => tell({ id, value }),
      (error: unknown) => tell({ id, problem: error instanceof Error ? error.message : String(error) }),
    )
  })
  process.on('disconnect', () => void bye())
  // Ctrl-C in a terminal reaches the whole group; the parent decides what ends when.
  process.on('SIGINT', () => undefined)
}

function tell(told: Told): void {
  if (process.connected) process.send?.(told)
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function nameOf(file: URL): string {
  return file.pathname.slice(file.pathname.lastIndexOf('/') + 1)
}
