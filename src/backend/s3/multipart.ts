import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { bytesOfFile } from './object-body.ts'
import { headObject, objectHeaders } from './objects.ts'
import { repeatedly, unlessRefused } from './retry.ts'
import { isAbsent, OddAnswer } from './s3-error.ts'
import { type Service, withPayloadHash } from './service.ts'

/** Putting parts together may take a service minutes. */
const completing = 10 * 60_000

/** A finished spool file, and the hash of each of its parts. */
export interface Parts {
  fd: number
  size: number
  digests: readonly Uint8Array[]
}

/** An upload in parts, under way. */
export interface Multipart {
  name: string
  id: string
}

/**
 * Sends a file in parts, several at once. Nothing has the name before all are put together; when that fails, or an
 * abort comes, the parts are thrown away. `underWay` is where the upload is entered meanwhile.
 */
export async function putParts(
  service: Service,
  name: string,
  parts: Parts,
  underWay: Set<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { client, bucket } = service
  const create = new CreateMultipartUploadCommand({ Bucket: bucket, Key: name, ...objectHeaders })
  const { UploadId: id } = await unlessRefused(
    () => service.request(signal, (options) => client.send(create, options)),
    signal,
  )
  if (id === undefined) throw new OddAnswer('the service began an upload in parts without an id')
  underWay.add(id)
  try {
    const tags = await sendAll(service, { name, id }, parts, signal)
    await complete(service, { name, id }, tags, signal)
    await checkWhole(service, name, parts.size, signal)
  } catch (error) {
    // Also behind an answer that was lost: there is nothing left to throw away then. What fails here is swept.
    await abortParts(service, { name, id }, undefined).catch(() => {})
    throw error
  } finally {
    underWay.delete(id)
  }
}

/** Throws away what was sent. Harmless when there is nothing. */
export async function abortParts(
  service: Service,
  { name, id }: Multipart,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { client, bucket } = service
  const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: name, UploadId: id })
  await repeatedly(() => service.request(signal, (options) => client.send(command, options)), signal).catch(
    (error: unknown) => {
      if (!isAbsent(error)) throw error
    },
  )
}

async function sendAll(
  service: Service,
  upload: Multipart,
  parts: Parts,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const { partsAtOnce } = service.limits
  // The first that fails ends the others, and all have ended before the parts are thrown away.
  const failing = new AbortController()
  const either = AbortSignal.any(signal ? [signal, failing.signal] : [failing.signal])
  const limit = pLimit(partsAtOnce)
  const sending = parts.digests.map((_, index) =>
    limit(async () => {
      either.throwIfAborted()
      try {
        // A part may be sent twice: the same bytes under the same number of the same upload.
        return await repeatedly(() => sendPart(service, upload, parts, index, either), either)
      } catch (error) {
        failing.abort(error)
        throw error
      }
    }),
  )
  const outcomes = await Promise.allSettled(sending)
  signal?.throwIfAborted()
  if (failing.signal.aborted) throw failing.signal.reason
  return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<string>).value)
}

async function sendPart(
  service: Service,
  { name, id }: Multipart,
  { fd, size, digests }: Parts,
  index: number,
  signal: AbortSignal,
): Promise<string> {
  const { client, bucket, limits } = service
  const start = index * limits.partSize
  const length = Math.min(limits.partSize, size - start)
  const body = bytesOfFile(fd, start, length, digests[index] as Uint8Array)
  return service.request(signal, async (options, patience) => {
    const content = body.open(patience, service)
    const input = { Bucket: bucket, Key: name, UploadId: id, PartNumber: index + 1, ContentLength: length }
    const command = withPayloadHash(new UploadPartCommand({ ...input, Body: content }), body.sha256)
    try {
      const { ETag: tag } = await client.send(command, options)
      if (tag === undefined) throw new OddAnswer('the service took a part without giving its tag')
      return tag
    } finally {
      if ('destroy' in content) content.destroy()
    }
  })
}

/** Not repeated: when the answer is lost nobody knows whether the object is there, and the key is given up. */
async function complete(
  service: Service,
  { name, id }: Multipart,
  tags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { client, bucket } = service
  const command = new CompleteMultipartUploadCommand({
    Bucket: bucket,
    Key: name,
    UploadId: id,
    MultipartUpload: { Parts: tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 })) },
  })
  const { ETag: tag = '' } = await service.request(signal, (options) => client.send(command, options), completing)
  // By custom the tag of the whole ends in the number of its parts.
  const [, count] = /-(\d+)"?$/.exec(tag) ?? []
  if (count !== undefined && Number(count) !== tags.length) {
    throw new OddAnswer(`the service put ${count} parts together, and ${tags.length} were sent`)
  }
}

async function checkWhole(
  service: Service,
  name: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await repeatedly(() => headObject(service, name, signal), signal)
  if (found?.size === size) return
  throw new OddAnswer(`the service has ${found?.size ?? 'none'} of ${size} bytes after putting the parts together`)
}
