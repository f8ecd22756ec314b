/**
 * Ends a server whose owner was killed. A parent that gets SIGKILL can do nothing for its child,
 * and a server that nobody knows of would hold its port and its store until somebody looks. A
 * shell waits on a pipe of which we hold the only other end: a line means that all is well,
 * the end of the pipe that we are gone.
 */
import { spawn } from 'node:child_process'

export type Watchdog = { dismiss(): void }

export function watchOver(pid: number): Watchdog {
  const shell = spawn('/bin/sh', ['-c', 'read -r line || kill -TERM "$1"', 'perdure-watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A terminal's Ctrl-C must not take it away before what it watches has ended.
    detached: true,
  })
  // Without a shell the next start still finds the server and stops it.
  shell.on('error', () => {})
  shell.stdin.on('error', () => {})
  shell.unref()
  ;(shell.stdin as { unref?: () => void }).unref?.()
  return { dismiss: () => void shell.stdin.end('done\n') }
}
