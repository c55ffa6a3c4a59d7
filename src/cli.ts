#!/usr/bin/env node
import { run } from './cli/program.ts'

// A configuration of the host's may leave connections open: the work is done all the same.
process.exit(await run(process.argv.slice(2)))
