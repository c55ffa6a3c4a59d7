import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../check-package/workshop.ts'
import { recorded, recordedPages } from './record.ts'

// npm run docs:cli: runs the commands in these pages, and writes their output there. The tests check that it was run.

for (const page of recordedPages) {
  const file = join(project, page)
  writeFileSync(file, await recorded(readFileSync(file, 'utf8')))
}
