import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../check-package/workshop.ts'
import { recorded } from './record.ts'

// npm run docs:cli: runs the commands in docs/command-line.md, and writes their output there. The tests check that it
// was run.

const file = join(project, 'docs/command-line.md')
writeFileSync(file, await recorded(readFileSync(file, 'utf8')))
