/** `npm run example <name> [words…]`: runs one of the programs beside this file with the sources. */
const [name = '', ...words] = process.argv.slice(2)
const known = ['order', 'chat', 'crawler']

/** What a person can mend is a sentence; only a mistake in the program itself needs its stack. */
function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return `${error.message}. Is "npm start" running in this folder?`
  return code === undefined ? error : `${error.message} (${code})`
}

if (known.includes(name)) {
  process.argv.splice(2, process.argv.length, ...words)
  try {
    await import(`./${name}.ts`)
  } catch (error) {
    console.error(told(error))
    process.exitCode = 1
  }
} else {
  const asked = name === '' ? 'Which example?' : `There is no example "${name}".`
  console.error(`${asked} There are: ${known.join(', ')}. Say for example: npm run example ${known[0]}`)
  process.exitCode = 2
}
