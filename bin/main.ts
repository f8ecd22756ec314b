/** The command line. Until its commands stand here it only says its name. */
console.log('perdure: a durable actor runtime')
