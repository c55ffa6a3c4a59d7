import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { recorded } from '../../scripts/record-cli/record.ts'
import { project } from '../docs/pages.ts'

// Of what `npm run build` made.

test('the page of the command line shows its real output: otherwise run `npm run docs:cli`', async () => {
  const page = readFileSync(join(project, 'docs/command-line.md'), 'utf8')
  expect(page).toContain('```console\n')
  expect(await recorded(page)).toBe(page)
}, 180_000)
