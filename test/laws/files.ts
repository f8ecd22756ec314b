/** How a file is named, how it begins and how long it may grow. */
import { posix } from 'node:path'
import type { Source } from './source.ts'

const lookTwice = 200
const tooLong = 300

/** Names under which a file becomes the place for whatever has no place. */
const drawers = /^(utils?|helpers?|types?|common|misc|shared|constants)$/

export function fileFaults(sources: readonly Source[]): readonly string[] {
  return sources.flatMap(({ path, text, comments, program }) => {
    const found: string[] = []
    const parts = path.replace(/(\.test|\.d)?\.tsx?$/, '').split('/')
    const drawer = parts.find((part) => drawers.test(part))
    if (drawer !== undefined) found.push(`${path}: '${drawer}' holds neither one noun nor one verb`)
    if (parts.some((part) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part))) found.push(`${path}: names are in kebab-case`)
    const lines = linesOf(text)
    if (lines > tooLong) found.push(`${path}: ${lines} lines, more than ${tooLong}; it does more than one thing`)
    const first = comments[0]
    const firstCode = (program['body'] as readonly { start: number }[])[0]?.start ?? Infinity
    if (first === undefined || first.start > firstCode) found.push(`${path}: begins without saying what it serves`)
    return found
  })
}

export function longFiles(sources: readonly Source[]): readonly string[] {
  return sources
    .filter(({ text }) => linesOf(text) > lookTwice)
    .map(({ path, text }) => `${posix.normalize(path)} has ${linesOf(text)} lines; look twice at ${lookTwice}`)
}

function linesOf(text: string): number {
  return text.replace(/\n$/, '').split('\n').length
}
