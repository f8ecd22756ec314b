/**
 * Compiles the sources into dist/, because Node strips no types under node_modules. What is in
 * dist/ imports itself by the same `#layer/file.ts` names as the sources do; a package.json of
 * its own says that they mean JavaScript there. With a directory as its word it makes the whole
 * package there, as one who installs it has it.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const target = resolve(process.argv[2] ?? root)
const dist = join(target, 'dist')

function compile(): void {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
  const { status } = spawnSync(
    process.execPath,
    [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', dist],
    {
      stdio: 'inherit',
    },
  )
  if (status !== 0) process.exit(status ?? 1)
}

/** The compiler renames what is imported; a worker or child named by its URL is text to it. */
function renameUrls(): void {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))
  for (const name of files) {
    const file = join(dist, name)
    const before = readFileSync(file, 'utf8')
    const after = before.replaceAll(
      /(new URL\((['"])\.[^'"]*)\.ts\2, import\.meta\.url\)/g,
      '$1.js$2, import.meta.url)',
    )
    if (after !== before) writeFileSync(file, after)
  }
}

function writeManifest(): void {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>
  const manifest = { name, version, private: true, type: 'module', imports: { '#*.ts': './*.js' } }
  writeFileSync(join(dist, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

/** What is read as data stands beside what reads it. */
function copyData(): void {
  for (const file of ['bench/reference.json']) copyFileSync(join(root, file), join(dist, file))
}

/** All of the package that is not compiled. */
function copyPackage(): void {
  mkdirSync(join(target, 'bin'), { recursive: true })
  for (const file of ['package.json', 'bin/perdure.js']) copyFileSync(join(root, file), join(target, file))
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'))
}

rmSync(dist, { recursive: true, force: true })
compile()
renameUrls()
copyData()
writeManifest()
if (target !== resolve(root)) copyPackage()
