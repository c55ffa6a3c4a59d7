#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { run } from './cli/program.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

// A reader that closes its end early, such as `head`, has what it needs: the command continues.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return
    // What was printed is not whole, and must not look so. What the command did in the store stays done.
    if (output === process.stdout) process.stderr.write(`Failed: the output could not be written: ${error.message}\n`)
    process.exit(1)
  })
}

// A configuration of the host may leave connections open, so the process is ended here: the command is done.
process.exit(await run(process.argv.slice(2), version))
