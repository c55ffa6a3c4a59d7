import { join } from 'node:path'
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { Ceph, cephPackages, hasCeph } from '../../test/servers/ceph.ts'
import { missingFor } from '../contenders/all.ts'
import type { Contender } from '../contenders/contract.ts'
import { openStore } from '../contenders/ours.ts'
import { loadS3, sqliteMetadata } from '../library.ts'
import { measure } from '../measure/measure.ts'
import { accountOf, Blobs } from './blobs.ts'
import { check } from './check.ts'
import type { Workload } from './workload.ts'

const size = 50 * 1024
const bucket = 'blobs'

/** Over Ceph's gateway on this machine, whose speed is not S3's: the number of requests counts. */
export const s3Works: Workload[] = [
  {
    name: 's3-50k-16',
    title: 'Upload of 50 KiB to S3 (Ceph RGW), 16 at once, with a record',
    contenders: ['ours', 'reference'],
    when: 'always',
    rounds: 2,
    missing: (name) => (hasCeph() ? missingFor(name) : `Ceph is not installed: apt-get install ${cephPackages}`),
    async run(name, { folder, seconds, scale }) {
      // Loaded late: it is large, and would count in the memory of all samples.
      const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
      const ceph = await Ceph.start()
      try {
        const { endpoint, ...credentials } = ceph.s3
        const requests: string[] = []
        const settings = { ...common, endpoint, credentials }
        const client = new S3Client(settings)
        await client.send(new CreateBucketCommand({ Bucket: bucket }))
        const contender = await (name === 'ours' ? ours(folder, client) : reference(folder, settings, requests))
        if (name === 'ours') count(client, requests)
        const blobs = new Blobs(size, Math.ceil(1000 * scale))
        const { figures, results } = await measure({ lanes: 16, seconds, most: blobs.count }, (number) =>
          contender.upload({ did: accountOf(number), size, body: blobs.body(number) }),
        )
        const perUpload = requests.length / results.length
        await check(contender, blobs, results)
        await contender.close()
        client.destroy()
        return { ...figures, requests: perUpload }
      } finally {
        await ceph.stop()
      }
    },
  },
]

const common = {
  region: 'us-east-1',
  forcePathStyle: true,
  maxAttempts: 1,
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
} satisfies S3ClientConfig

/** Every request that a client sends, by its command. */
function count(client: Pick<S3Client, 'middlewareStack'>, requests: string[]): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      requests.push(context.commandName ?? '')
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low', name: 'count' },
  )
}

async function ours(folder: string, client: S3Client): Promise<Contender> {
  const { S3Backend } = await loadS3()
  return await openStore(
    new S3Backend({ bucket, client, spoolDirectory: join(folder, 'spool') }),
    sqliteMetadata(join(folder, 'blobs.sqlite')),
  )
}

/** From reference-s3.ts, which not everybody can compile. */
type OpenReference = (
  folder: string,
  settings: S3ClientConfig & { bucket: string },
  onClient: (client: Pick<S3Client, 'middlewareStack'>) => void,
) => Promise<Contender>

async function reference(folder: string, settings: S3ClientConfig, requests: string[]): Promise<Contender> {
  const file = '../contenders/peers/reference-s3.ts'
  const { open } = (await import(file)) as { open: OpenReference }
  return await open(folder, { bucket, ...settings }, (client) => count(client, requests))
}
