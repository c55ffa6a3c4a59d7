import { createHash, randomUUID } from 'node:crypto'
import { GetBucketVersioningCommand } from '@aws-sdk/client-s3'
import type { Logger } from '../../logger.ts'
import type { Names } from './layout.ts'
import { codeOf, statusOf } from './meanings.ts'
import { bytesInMemory } from './object-body.ts'
import { deleteObject, getObject, listObjects, putObject } from './objects.ts'
import { readAll } from './reading.ts'
import { repeatedly } from './retry.ts'
import { OddAnswer } from './s3-error.ts'
import type { Service } from './service.ts'

/**
 * Does once what the backend will do: list, write, read and delete. So that a wrong name, key or permission is heard of
 * when the host starts, and not by the first who uploads.
 */
export async function probe(
  service: Service,
  names: Names,
  logger: Logger,
  about: { backend: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  await repeatedly(() => listObjects(service, { prefix: names.probes, after: '', limit: 1 }, signal), signal)
  const [name, damaged] = [names.probes + randomUUID(), names.probes + randomUUID()]
  const bytes = Buffer.from('May this bucket be written to, read and deleted from?')
  const sha256 = createHash('sha256').update(bytes).digest()
  const body = bytesInMemory([bytes], bytes.byteLength, sha256)
  const [, checked, versioned] = await Promise.all([
    writeAndRead(service, name, body, signal),
    refusesDamage(service, damaged, signal),
    isVersioned(service, signal),
  ])
  if (versioned) {
    logger.warn(
      about,
      'The bucket keeps versions: what is deleted still takes space, and can be had by who may read versions. ' +
        'Suspend versioning, or let a lifecycle rule expire old versions',
    )
  }
  if (!checked) {
    logger.warn(
      about,
      'This S3 service stores bytes that do not have the hash that was signed: damage on the way is only found by a scrub',
    )
  }
}

async function writeAndRead(
  service: Service,
  name: string,
  body: ReturnType<typeof bytesInMemory>,
  signal: AbortSignal | undefined,
): Promise<void> {
  await repeatedly(() => putObject(service, name, body, signal), signal)
  try {
    const object = await repeatedly(() => getObject(service, name, undefined, signal), signal)
    const found =
      object &&
      createHash('sha256')
        .update(await readAll(object, service, signal))
        .digest()
    if (!found?.equals(body.sha256)) throw new OddAnswer('what was written to the bucket is not what is read from it')
  } finally {
    await repeatedly(() => deleteObject(service, name, signal), signal)
  }
}

/** Whether bytes that are not those of the signed hash are refused. Where they are not, they are deleted again. */
async function refusesDamage(service: Service, name: string, signal: AbortSignal | undefined): Promise<boolean> {
  const damaged = bytesInMemory([Buffer.from('a')], 1, createHash('sha256').update('b').digest())
  try {
    await putObject(service, name, damaged, signal)
  } catch (error) {
    const status = statusOf(error)
    if (status !== undefined && status < 500 && codeOf(error) !== 'SlowDown') return true
    signal?.throwIfAborted()
    return true // it has other troubles, of which the next request will tell
  }
  await repeatedly(() => deleteObject(service, name, signal), signal)
  return false
}

/** Many services have no versions, and many credentials may not ask. */
async function isVersioned(service: Service, signal: AbortSignal | undefined): Promise<boolean> {
  const { client, bucket } = service
  const command = new GetBucketVersioningCommand({ Bucket: bucket })
  const answer = await service.request(signal, (options) => client.send(command, options)).catch(() => null)
  signal?.throwIfAborted()
  return answer?.Status === 'Enabled'
}
