import { createHash, randomUUID } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { GetBucketVersioningCommand } from '@aws-sdk/client-s3'
import type { Logger } from '../../logger.ts'
import { UnexpectedResponse } from '../remote/errors.ts'
import type { Request, Requests } from '../remote/requests.ts'
import type { RemoteService } from '../remote/service.ts'
import { UploadSource } from '../remote/upload-source.ts'
import type { Bucket } from './bucket.ts'

export interface ProbeOptions {
  bucket: Bucket
  service: RemoteService
  requests: Requests
  logger: Logger
  /** The backend's name. */
  backend: string
  signal: AbortSignal | undefined
}

/** Beside the blobs: `<prefix>probe/<uuid>`, which is deleted again. */
const probes = 'probe/'

/**
 * Does once what the backend will do: list, write, read and delete. So a wrong name, key or permission is found when
 * the host starts, not by the first upload.
 */
export async function probe(options: ProbeOptions): Promise<void> {
  const { service, requests, logger, backend, signal } = options
  const first = { prefix: probes, after: probes, limit: 1 }
  await requests.retryIdempotent(signal, (own) => service.list({ ...first, signal: own }))
  const [, checked, versioned] = await Promise.all([
    writeAndRead(options),
    refusesDamage(options),
    isVersioned(options),
  ])
  if (versioned) {
    logger.warn(
      { backend },
      'The bucket keeps versions: deleted objects still use space, and anyone allowed to read versions can read them. ' +
        'Suspend versioning, or let a lifecycle rule expire old versions',
    )
  }
  if (!checked) {
    logger.warn(
      { backend },
      'This S3 service stores bytes that do not match their signed hash: only a scrub finds damage in transit',
    )
  }
}

async function writeAndRead(options: ProbeOptions): Promise<void> {
  const { service, requests, signal } = options
  const name = probes + randomUUID()
  const bytes = Buffer.from('May this bucket be written to, read and deleted from?')
  await requests.retryIdempotent(signal, putting(options, name, bytes, bytes))
  try {
    const found = await requests.retryIdempotent(signal, async (own) => {
      const object = await service.get(name, { atOnce: true, signal: own })
      return object && (await buffer(object.body))
    })
    if (!found?.equals(bytes)) {
      throw new UnexpectedResponse('what was written to the bucket is not what is read from it')
    }
  } finally {
    await requests.retryIdempotent(signal, (own) => service.delete(name, { signal: own }))
  }
}

/** Whether the service refuses bytes that do not match the signed hash. If not, they are deleted again. */
async function refusesDamage(options: ProbeOptions): Promise<boolean> {
  const { service, requests, signal } = options
  const name = probes + randomUUID()
  try {
    await requests.once(signal, putting(options, name, Buffer.from('a'), Buffer.from('b')))
  } catch {
    signal?.throwIfAborted()
    return true // or something else is wrong, which the next request will report
  }
  await requests.retryIdempotent(signal, (own) => service.delete(name, { signal: own }))
  return false
}

/** A request that sends bytes with the hash of other bytes. */
function putting({ service, backend }: ProbeOptions, name: string, sent: Buffer, signed: Buffer): Request<void> {
  const source = new UploadSource({ chunks: [sent] }, { verb: 'write to the bucket', backend })
  const sha256 = createHash('sha256').update(signed).digest()
  return (signal, idle) => service.put(name, source.body(idle), { size: sent.byteLength, sha256, signal })
}

/** Many services have no versions, and many credentials may not ask for them. */
async function isVersioned({ bucket, requests, signal }: ProbeOptions): Promise<boolean> {
  const command = new GetBucketVersioningCommand({ Bucket: bucket.name })
  const answer = await requests.once(signal, (own) => bucket.send(command, own)).catch(() => null)
  signal?.throwIfAborted()
  return answer?.Status === 'Enabled'
}
