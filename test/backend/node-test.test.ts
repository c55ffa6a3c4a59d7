import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { backendConformance } from '../../src/testing.ts'

test('the conformance suite runs under node:test as it does here', async () => {
  const file = fileURLToPath(new URL('conformance.node.ts', import.meta.url))
  // Without vitest's own settings, which change what a child of it prints.
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], {
    env,
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  expect(stdout).toMatch(`# pass ${backendConformance.length}\n# fail 0`)
}, 70_000)
