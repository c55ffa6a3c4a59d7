#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { run } from './cli/program.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

// Who reads no further, as `head`, has what it wants: the work is done all the same.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
  })
}

// A configuration of the host's may leave connections open: the work is done all the same.
process.exit(await run(process.argv.slice(2), version))
