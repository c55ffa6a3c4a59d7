import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// The models themselves say which of them must break: each rule of the protocol removed once. One that holds without
// its rule is a surprise, as is one that breaks with all of them.

test('the protocol holds in every interleaving, and breaks without any one of its rules', () => {
  const run = join(import.meta.dirname, '../protocol/run.mjs')
  const args = ['--max-old-space-size=1800', run, '--quick', '--no-traces']
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toContain('all as expected')
  expect(stdout.match(/^as expected/gm)?.length).toBeGreaterThan(55)
  expect(status).toBe(0)
})
