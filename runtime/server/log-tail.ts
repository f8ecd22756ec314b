/**
 * The server's log, line by line as it is written. The server writes a file and not our pipe,
 * because it must be able to end in peace after this process was killed: a broken pipe would
 * kill it in the middle of closing its store.
 */
import { closeSync, fstatSync, openSync, readSync, statSync, watch, writeFileSync, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'

export type LogTail = {
  /** The newest lines, oldest first. */
  last(count: number): readonly string[]
  /** Reads what is there now, also where the system does not tell of changes. */
  read(): void
  stop(): void
}

const keptLines = 50
const blockBytes = 64 * 1024

/** Follows what is written from now on, through rotations. */
export function followLog(file: string, onLine: (line: string) => void): LogTail {
  writeFileSync(file, '', { flag: 'a', mode: 0o600 })
  const kept: string[] = []
  let { size: offset, ino: inode } = statSync(file)
  let rest = ''

  const take = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      kept.push(line)
      if (kept.length > keptLines) kept.shift()
      onLine(line)
    }
  }
  const read = (): void => {
    let handle: number
    try {
      handle = openSync(file, 'r')
    } catch {
      // Between the two halves of a rotation.
      return
    }
    try {
      const { size, ino } = fstatSync(handle)
      if (ino !== inode || size < offset) offset = 0
      inode = ino
      const block = Buffer.alloc(blockBytes)
      for (;;) {
        const bytes = readSync(handle, block, 0, blockBytes, offset)
        if (bytes === 0) return
        offset += bytes
        take(block.toString('utf8', 0, bytes))
      }
    } finally {
      closeSync(handle)
    }
  }
  const watcher = watchDirectory(dirname(file), (name) => {
    if (name === basename(file)) read()
  })
  return {
    read,
    last: (count) => kept.slice(-count),
    stop: () => {
      watcher?.close()
      read()
    },
  }
}

/** A directory, because a rotated file is another file. Without a watcher (too many already) lines come late. */
function watchDirectory(dir: string, on: (name: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(dir, { persistent: false }, (_, name) => on(name))
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
