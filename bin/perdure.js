#!/usr/bin/env node
/**
 * The door that every Node can open: it stays in syntax that old versions parse, so that a
 * machine which cannot run perdure reads one sentence instead of a syntax error. It picks the
 * sources when they stand beside it (a checkout) and the compiled files otherwise (a package).
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as nodeModule from 'node:module'
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
  var answer = spawnSync(ownNode, ['--version'], { encoding: 'utf8' })
  return answer.status === 0 && isNewEnough(answer.stdout.trim())
}

function runWithOwnNode() {
  var child = spawn(ownNode, process.execArgv.concat(process.argv.slice(1)), { stdio: 'inherit' })
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
