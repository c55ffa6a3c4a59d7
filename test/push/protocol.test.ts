import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// The models state which of them must break: each rule of the protocol is removed once. Fails when a model holds
// without its rule, or breaks with all of them.

test('the protocol holds in every interleaving, and breaks without any one of its rules', () => {
  const run = join(import.meta.dirname, '../protocol/run.mjs')
  const args = ['--max-old-space-size=1800', run, '--quick', '--no-traces']
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toContain('all as expected')
  expect(stdout.match(/^as expected/gm)?.length).toBeGreaterThan(110)
  expect(status).toBe(0)
})
