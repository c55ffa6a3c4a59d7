import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BlobBackend, createBlobStore, sqliteMetadata } from '../../../src/index.ts'
import { S3Backend } from '../../../src/s3.ts'
import { Ceph, cephPackages, hasCeph } from '../../servers/ceph.ts'
import { heavy } from '../../servers/ceph-config.ts'
import { createBucket, sharedBucket } from '../../support/s3.ts'
import { breaking, number } from '../options.ts'
import { type Control, defineTrial, type Outcome } from '../trial.ts'
import { findLost, uploadUntil } from './uploaders.ts'

// See run(). It takes about as long as it is told; its choices are not repeatable.

export const trial = defineTrial({
  about: 'Kills parts of a real Ceph cluster under uploads: each one acknowledged is there afterwards (Ceph)',
  options: {
    seconds: number('for so long', 40),
    uploads: number('so many at once', 16),
    break: breaking(['early-ack'] as const),
  },
  run: async (values, control) => {
    if (!hasCeph(heavy)) {
      const missing = `This needs Ceph: apt-get install --no-install-recommends ${cephPackages} ceph-mgr`
      return { found: true, report: { missing }, text: `${missing}\n` }
    }
    const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-breaking-'))
    const ceph = await Ceph.start(heavy)
    try {
      return await run(ceph, folder, values, control)
    } finally {
      await ceph.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
})

interface Values {
  seconds: number
  /** At once. */
  uploads: number
  /** With `early-ack`, acknowledging before the bytes are stored, it must find losses. */
  break: 'early-ack' | null
}

/** Three OSDs and three copies; one OSD dies, then the gateway, then both. */
async function run(ceph: Ceph, folder: string, values: Values, { say, signal }: Control): Promise<Outcome> {
  const { seconds, uploads: atOnce } = values
  await createBucket(ceph.s3)
  const { endpoint, ...credentials } = ceph.s3
  const backend = new S3Backend({
    ...{ bucket: sharedBucket, endpoint, credentials, forcePathStyle: true },
    ...{ spoolDirectory: join(folder, 'spool'), multipartThreshold: 5 * 1024 ** 2, partSize: 5 * 1024 ** 2 },
    ...{ socketTimeout: 5000, requestTimeout: 15_000 },
  })
  const blobs = createBlobStore({
    janitor: false,
    backend: values.break === 'early-ack' ? acknowledgingEarly(backend) : backend,
    metadata: sqliteMetadata(join(folder, 'blobs.sqlite')),
    limits: { accept: ['*/*'], maxBlobSize: 50_000_000 },
  })
  await blobs.ready()
  let over = false
  const uploading = uploadUntil(() => over, blobs, atOnce)
  uploading.catch(() => {}) // heard below
  const part = (seconds * 1000) / 8
  const happen = async (what: string, how: () => unknown): Promise<void> => {
    if (signal.aborted) return
    await sleep(part, undefined, { signal }).catch(() => {})
    await how()
    say(what)
  }
  await happen('an OSD is killed', () => ceph.kill('osd.1'))
  await happen('it is started again', () => ceph.startOsd(1))
  await happen('the gateway is killed', () => ceph.kill('gateway'))
  await happen('it is started again', () => ceph.startGateway())
  await happen('another OSD and the gateway are killed', async () => {
    await Promise.all([ceph.kill('osd.2'), ceph.kill('gateway')])
  })
  await happen('the gateway is started again', () => ceph.startGateway())
  await happen('the OSD is started again', () => ceph.startOsd(2))
  await sleep(part, undefined, { signal }).catch(() => {})
  over = true
  const { acknowledged, refused } = await uploading
  await ceph.healthy()
  const lost = await findLost(blobs, acknowledged)
  await blobs.close()
  for (const [why, times] of refused) say(`refused: ${times} × ${why}`)
  for (const { did, cid, size } of lost.slice(0, 10)) say(`LOST ${cid} of ${did}, ${size} bytes`)
  const bytes = acknowledged.reduce((sum, { size }) => sum + size, 0)
  say(`acknowledged ${acknowledged.length} (${Math.round(bytes / 1e6)} MB), lost ${lost.length}`)
  // If it is stopped early, little may have been acknowledged.
  const little = acknowledged.length <= atOnce && !signal.aborted
  return { found: lost.length > 0 || little, report: { acknowledged: acknowledged.length, bytes, lost } }
}

/** Breaks a rule: the bytes are still being sent when the upload is acknowledged. */
function acknowledgingEarly(inner: S3Backend): BlobBackend {
  const put: BlobBackend['put'] = async (...args) => {
    inner.put(...args).catch(() => {})
  }
  return new Proxy<BlobBackend>(inner, {
    get: (_, name: keyof BlobBackend) => {
      if (name === 'put') return put
      const value = (inner as BlobBackend)[name]
      return typeof value === 'function' ? value.bind(inner) : value
    },
  })
}
