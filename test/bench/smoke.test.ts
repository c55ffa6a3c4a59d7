import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const run = join(import.meta.dirname, '../../bench/run.ts')

// Fails when the benchmark no longer fits the library, not when it is slow. Needs `npm run build`, and no peers.
test('a small run of the benchmark succeeds, and leaves nothing behind', { timeout: 120_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pds-blobstore-bench-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [run, '--smoke', '--dir', dir], {
    timeout: 110_000,
    killSignal: 'SIGTERM',
  })
  for (const work of ['Upload of 1 KiB, 16 at once', 'A stream of 1 GiB', 'A mix of', 'Collecting', 'over HTTP']) {
    expect(stdout, stderr).toContain(work)
  }
  expect(await readdir(dir)).toEqual([])
})
