#!/usr/bin/env node
/**
 * The door that every Node can open: it stays in syntax that old versions parse, so that a
 * machine which cannot run perdure reads one sentence instead of a syntax error. It picks the
 * sources when they stand beside it (a checkout) and the compiled files otherwise (a package).
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

var wanted = [22, 18]
var sources = fileURLToPath(new URL('./main.ts', import.meta.url))
var ownNode = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url))

function isNewEnough(version) {
  var parts = version.replace(/^v/, '').split('.').map(Number)
  return parts[0] > wanted[0] || (parts[0] === wanted[0] && parts[1] >= wanted[1])
}

function refuse(sentence) {
  console.error('perdure: ' + sentence)
  process.exitCode = 1
}

/** A checkout brings its own Node as a dev dependency; whoever calls with an older one gets that. */
function hasOwnNode() {
  if (!existsSync(sources) || !existsSync(ownNode)) return false
  var manifest = new URL('../node_modules/node/package.json', import.meta.url)
  try {
    // Asking the program itself would cost each call a process.
    return isNewEnough(JSON.parse(readFileSync(manifest, 'utf8')).version)
  } catch {
    return false
  }
}

function runWithOwnNode() {
  // The channel carries nothing; that it breaks is how the child learns that this process was killed.
  var stdio = ['inherit', 'inherit', 'inherit', 'ipc']
  var child = spawn(ownNode, process.execArgv.concat(process.argv.slice(1)), { stdio: stdio })
  // Ctrl-C reaches the child by itself, as a member of the terminal's process group; sent on
  // as well it would count as the second signal, the one that does not wait.
  var onTerminal = process.stdin.isTTY || process.stdout.isTTY
  process.on('SIGINT', function () {
    if (!onTerminal) child.kill('SIGINT')
  })
  process.on('SIGTERM', function () {
    child.kill('SIGTERM')
  })
  process.on('SIGHUP', function () {
    child.kill('SIGHUP')
  })
  child.on('exit', function (code, signal) {
    process.exitCode = code
    if (signal === null) return
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/** Who kills what was started here means the node, and not a launcher that leaves one behind. */
function endWithLauncher() {
  if (!process.connected) return
  process.on('disconnect', function () {
    process.kill(process.pid, 'SIGKILL')
  })
  process.channel.unref()
}

/**
 * Half of a start is parsing; what was parsed once is kept beside the fetched server. Never in a
 * directory that others can write to, because what stands in the cache is run.
 */
function keepCompiled() {
  var env = process.env
  var home = env.XDG_CACHE_HOME || (env.HOME && join(env.HOME, '.cache'))
  var cache = env.PERDURE_SERVER_CACHE_DIR || (home && join(home, 'perdure'))
  // A cache that cannot be written costs only the time that it would have saved.
  if (cache && nodeModule.enableCompileCache) nodeModule.enableCompileCache(join(cache, 'compiled'))
}

/**
 * In a checkout `import 'perdure'` must mean the same modules as the ones that run, and not a
 * second copy of them in dist/, or an address would not be the other copy's address.
 */
function preferSources() {
  if (!nodeModule.registerHooks) return
  nodeModule.registerHooks({
    resolve: function (specifier, context, next) {
      return next(specifier, Object.assign({}, context, { conditions: context.conditions.concat('perdure-source') }))
    },
  })
}

if (process.platform === 'win32') {
  refuse('Windows is not supported; run it inside WSL 2, where it is a Linux program.')
} else if (isNewEnough(process.versions.node)) {
  endWithLauncher()
  keepCompiled()
  if (existsSync(sources)) preferSources()
  void import(existsSync(sources) ? './main.ts' : '../dist/bin/main.js')
} else if (hasOwnNode()) {
  runWithOwnNode()
} else {
  refuse(
    'Node ' +
      process.versions.node +
      ' is too old; install Node ' +
      wanted.join('.') +
      ' or newer, or run `npm ci` in a checkout, which brings its own.',
  )
}
