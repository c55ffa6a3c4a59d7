import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { recorded, recordedPages } from '../../scripts/record-cli/record.ts'
import { project } from '../docs/pages.ts'

// Of what `npm run build` made.

test.each(recordedPages)(
  '%s shows the real output of the command line: otherwise run `npm run docs:cli`',
  async (name) => {
    const page = readFileSync(join(project, name), 'utf8')
    expect(page).toContain('```console\n')
    expect(await recorded(page)).toBe(page)
  },
  180_000,
)
