/** `npm run example <name> [words…]`: runs one of the programs beside this file with the sources. */
const [name = '', ...words] = process.argv.slice(2)
const known = ['order', 'chat', 'crawler']
if (known.includes(name)) {
  process.argv.splice(2, process.argv.length, ...words)
  await import(`./${name}.ts`)
} else {
  console.error(`There is no example "${name}". There are: ${known.join(', ')}.`)
  process.exitCode = 2
}
