#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { run } from './cli/program.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

// A configuration of the host's may leave connections open: the work is done all the same.
process.exit(await run(process.argv.slice(2), version))
