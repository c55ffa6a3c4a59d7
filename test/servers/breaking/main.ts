// Kills parts of a real Ceph cluster (three OSDs, three copies) under uploads, and looks for each one that was acknowledged:
// `npm run test:servers -- --seconds 40`. With `--break early-ack`, acknowledging before the bytes are stored, it must find losses.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type BlobBackend, createBlobStore, sqliteMetadata } from '../../../src/index.ts'
import { S3Backend } from '../../../src/s3.ts'
import { createBucket, sharedBucket } from '../../support/s3.ts'
import { Ceph, cephPackages, hasCeph } from '../ceph.ts'
import { heavy } from '../ceph-config.ts'
import { findLost, uploadUntil } from './uploaders.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '40' },
    uploads: { type: 'string', default: '16' },
    break: { type: 'string' },
  },
})
const print = (line: string): void => void process.stdout.write(`${line}\n`)

if (!hasCeph(heavy)) {
  print(`This needs Ceph: apt-get install --no-install-recommends ${cephPackages} ceph-mgr`)
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-breaking-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const ceph = await Ceph.start(heavy)
try {
  process.exitCode = await run(Number(values.seconds), Number(values.uploads))
} finally {
  await ceph.stop()
}

async function run(seconds: number, atOnce: number): Promise<number> {
  await createBucket(ceph.s3)
  const { endpoint, ...credentials } = ceph.s3
  const backend = new S3Backend({
    ...{ bucket: sharedBucket, endpoint, credentials, forcePathStyle: true },
    ...{ spoolDirectory: join(folder, 'spool'), multipartThreshold: 5 * 1024 ** 2, partSize: 5 * 1024 ** 2 },
    ...{ socketTimeout: 5000, requestTimeout: 15_000 },
  })
  const blobs = createBlobStore({
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
    await sleep(part)
    await how()
    print(what)
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
  await sleep(part)
  over = true
  const { acknowledged, refused } = await uploading
  await ceph.healthy()
  const lost = await findLost(blobs, acknowledged)
  await blobs.close()
  for (const [why, times] of refused) print(`refused: ${times} × ${why}`)
  for (const { did, cid, size } of lost.slice(0, 10)) print(`LOST ${cid} of ${did}, ${size} bytes`)
  const bytes = acknowledged.reduce((sum, { size }) => sum + size, 0)
  print(`acknowledged ${acknowledged.length} (${Math.round(bytes / 1e6)} MB), lost ${lost.length}`)
  return lost.length === 0 && acknowledged.length > atOnce ? 0 : 1
}

/** Breaks a rule: the bytes are still on their way when the upload is acknowledged. */
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
