import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import type { ByteRange } from '../backend.ts'
import { statusOf } from './meanings.ts'
import type { ObjectBody } from './object-body.ts'
import { isAbsent, OddAnswer } from './s3-error.ts'
import { type Service, withHeaders, withPayloadHash } from './service.ts'

// The requests on objects, each made once. Errors are those of the SDK.

/** What a browser that finds the object by itself must know: it is no page, whatever its bytes look like. */
export const objectHeaders = { ContentType: 'application/octet-stream', ContentDisposition: 'attachment' }

export function putObject(
  service: Service,
  name: string,
  body: ObjectBody,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const { client, bucket } = service
  return service.request(signal, async (options, patience) => {
    const content = body.open(patience, service)
    const input = { Bucket: bucket, Key: name, Body: content, ContentLength: body.size, ...objectHeaders }
    try {
      return await client.send(withPayloadHash(new PutObjectCommand(input), body.sha256), options)
    } finally {
      if (content instanceof Readable) content.destroy()
    }
  })
}

/** An answer whose body is still to come. */
export interface OpenObject {
  /** Of the whole object. */
  size: number
  /** How many bytes the body has. */
  length: number
  body: Readable
}

/** Null when there is none. Who does not read the body at once gets it through `large`. `range` may end behind the object's last byte: then the body ends there. */
export async function getObject(
  service: Service,
  name: string,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
  through: 'small' | 'large' = 'small',
): Promise<OpenObject | null> {
  const { clients, bucket } = service
  const asked = range && { Range: `bytes=${range.start}-${range.end}` }
  try {
    return await service.request(signal, async (options) => {
      const answer = await clients[through].send(new GetObjectCommand({ Bucket: bucket, Key: name, ...asked }), options)
      const { Body: body, ContentLength: length, ContentRange: part } = answer
      if (!(body instanceof Readable))
        throw new OddAnswer('the S3 client gives no Node streams; make it with its Node handler')
      const size = range === undefined ? length : sizeInRange(part, range)
      if (length === undefined || size === undefined) {
        body.destroy()
        throw new OddAnswer('the service did not send the bytes that were asked for, or does not say which it sends')
      }
      return { size, length, body }
    })
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

/** `bytes 0-9/1000` → 1000, where it is the range that was asked for. */
function sizeInRange(header: string | undefined, range: ByteRange): number | undefined {
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(header ?? '') ?? []
  return Number(start) === range.start ? Number(size) : undefined
}

/**
 * Its size, or null. An answer to HEAD has no body that could say what is absent, the object or the bucket, what is denied
 * and why, nor who says so: that is asked by a GET.
 */
export async function headObject(
  service: Service,
  name: string,
  signal: AbortSignal | undefined,
): Promise<{ size: number | undefined } | null> {
  const { client, bucket } = service
  try {
    const command = new HeadObjectCommand({ Bucket: bucket, Key: name })
    const answer = await service.request(signal, (options) => client.send(command, options))
    return { size: answer.ContentLength }
  } catch (error) {
    const status = statusOf(error)
    if (status !== 404 && status !== 403) throw error
    const object = await getObject(service, name, undefined, signal)
    if (object === null) return null
    object.body.destroy()
    if (status === 403) return { size: object.size }
    throw error
  }
}

export async function deleteObject(service: Service, name: string, signal: AbortSignal | undefined): Promise<void> {
  const { client, bucket } = service
  try {
    const command = new DeleteObjectCommand({ Bucket: bucket, Key: name })
    await service.request(signal, (options) => client.send(command, options))
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
}

/** What the service says of up to 1000 names: those it deleted, and why it did not delete others. */
export async function deleteObjects(
  service: Service,
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ deleted: Set<string>; failed: Map<string, { code: string; message: string }> }> {
  const { client, bucket } = service
  // Not quiet: only what it names as deleted is believed to be gone.
  const input = { Bucket: bucket, Delete: { Objects: names.map((name) => ({ Key: name })), Quiet: false } }
  const command = withHeaders(new DeleteObjectsCommand(input), ({ body }) => ({
    // The SDK gave it up for newer checksums, which not every service knows.
    'content-md5': createHash('md5')
      .update(body as string)
      .digest('base64'),
  }))
  const { Deleted = [], Errors = [] } = await service.request(signal, (options) => client.send(command, options))
  const failed = Errors.map(
    ({ Key = '', Code = 'Unknown', Message = '' }) => [Key, { code: Code, message: Message }] as const,
  )
  return { deleted: new Set(Deleted.map(({ Key = '' }) => Key)), failed: new Map(failed) }
}

/** Names behind `after`, sorted, at most 1000; and whether there are more. */
export async function listObjects(
  service: Service,
  { prefix, after, limit }: { prefix: string; after: string; limit: number },
  signal: AbortSignal | undefined,
): Promise<{ names: string[]; more: boolean }> {
  const { client, bucket } = service
  const command = new ListObjectsV2Command({
    Bucket: bucket,
    Prefix: prefix,
    MaxKeys: Math.min(limit, 1000),
    // Names that somebody else put there may hold what XML cannot.
    EncodingType: 'url',
    ...(after === '' ? {} : { StartAfter: after }),
  })
  const answer = await service.request(signal, (options) => client.send(command, options))
  // Any page is an empty list to the SDK.
  if (answer.IsTruncated === undefined) throw new OddAnswer('the answer to a list is none; look at proxies on the way')
  const decode = (name: string): string =>
    answer.EncodingType === 'url' ? decodeURIComponent(name.replaceAll('+', ' ')) : name
  const names = (answer.Contents ?? []).map(({ Key = '' }) => decode(Key))
  return { names, more: answer.IsTruncated }
}
