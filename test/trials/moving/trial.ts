import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ceph } from '../../servers/ceph.ts'
import { createBucket } from '../../support/s3.ts'
import { number } from '../options.ts'
import { type Control, defineTrial, type Outcome } from '../trial.ts'
import { Moving } from './moving.ts'

// See moving.ts. It takes as long as the blobs take, and its choices are not repeatable.

export const trial = defineTrial({
  about:
    'Moves a store from a disk to S3 and back under reads and uploads, and kills all of them: nothing is lost (Ceph)',
  options: {
    blobs: number('so many blobs', 10_000),
    kills: number('kill the mover so many times on each way', 20),
  },
  run: async ({ blobs, kills }, control) => {
    const ceph = await Ceph.start()
    const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-moving-'))
    try {
      await createBucket(ceph.s3)
      const place = { folder, s3: ceph.s3, prefix: 'moving/', count: blobs }
      return await move(new Moving(place, kills, control), control.signal)
    } finally {
      await ceph.stop()
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
    }
  },
})

async function move(moving: Moving, signal: Control['signal']): Promise<Outcome> {
  await moving.fill()
  await moving.moveTo('s3')
  if (!signal.aborted) await moving.moveTo('disk')
  // In the middle of a move there are two copies of much.
  const { lost, left } = signal.aborted ? { lost: 0, left: 0 } : await moving.compare()
  const { findings, wrong, failed } = moving.seen
  const report = { acknowledged: moving.stored.size, lost, left, ...moving.seen }
  return { found: lost + left + findings + wrong + failed > 0, report }
}
