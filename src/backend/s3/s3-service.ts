import { createHash } from 'node:crypto'
import { addAbortSignal, Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../errors.ts'
import type { ByteRange, PresignOptions } from '../backend.ts'
import { UnexpectedResponse } from '../remote/errors.ts'
import type { Requests } from '../remote/requests.ts'
import type {
  CheckOptions,
  GetObjectOptions,
  ListObjectsOptions,
  MultipartUploads,
  NamesAndMore,
  PutObjectOptions,
  RemoteService,
  ServiceOptions,
  StoredObject,
} from '../remote/service.ts'
import type { UploadBody } from '../remote/upload-source.ts'
import { type Bucket, sending, withHeaders, withPayloadHash } from './bucket.ts'
import { codeOf, isAbsent, statusOf } from './errors.ts'
import { objectHeaders, S3MultipartUploads } from './multipart.ts'
import type { S3Limits } from './options.ts'
import { probe } from './probe.ts'

export interface S3ServiceOptions {
  bucket: Bucket
  limits: S3Limits
  requests: Requests
  /** The backend's name, for the log. */
  backend: string
}

/** A bucket of S3 or of a compatible service. Throws the SDK's errors. */
export class S3Service implements RemoteService {
  // The SDK returns a Node stream, whose chunks belong to its reader.
  readonly keepable = true
  readonly multipart: MultipartUploads
  readonly #options: S3ServiceOptions
  readonly #bucket: Bucket

  constructor(options: S3ServiceOptions) {
    this.#options = options
    this.#bucket = options.bucket
    this.multipart = new S3MultipartUploads({ ...options, service: this })
  }

  async put(name: string, body: UploadBody, { size, sha256, signal }: PutObjectOptions): Promise<void> {
    await sending(body, size, (Body) => {
      const input = { ...this.#bucket.object(name), Body, ContentLength: size, ...objectHeaders }
      return this.#bucket.send(withPayloadHash(new PutObjectCommand(input), sha256), signal)
    })
  }

  async putIfAbsent(
    name: string,
    bytes: Uint8Array,
    { signal }: ServiceOptions,
  ): Promise<'written' | 'exists' | 'unsupported'> {
    const input = { ...this.#bucket.object(name), Body: bytes, IfNoneMatch: '*', ...objectHeaders }
    try {
      await this.#bucket.send(new PutObjectCommand(input), signal)
      return 'written'
    } catch (error) {
      const status = statusOf(error)
      // 412: it exists. 409: another one is being written at this moment.
      if (status === 412 || status === 409) return 'exists'
      if (status === 400 || status === 501) return 'unsupported'
      throw error
    }
  }

  async get(
    name: string,
    { range, atOnce, signal }: GetObjectOptions & { atOnce: boolean },
  ): Promise<StoredObject | null> {
    const { small, large } = this.#bucket.clients
    const asked = range && { Range: `bytes=${range.start}-${range.end}` }
    const command = new GetObjectCommand({ ...this.#bucket.object(name), ...asked })
    const answer = await this.#bucket.send(command, signal, atOnce ? small : large).catch(nullIfAbsent)
    if (answer === null) return null
    const { Body: body, ContentLength: length, ContentRange: part } = answer
    if (!(body instanceof Readable)) {
      throw new UnexpectedResponse('the S3 client returns no Node streams; create it with its Node handler')
    }
    body.on('error', () => {}) // the reader of the body handles the error, if there is one
    addAbortSignal(signal, body)
    const size = range === undefined ? length : sizeInRange(part, range, length)
    if (size === undefined) {
      throw new UnexpectedResponse('the service did not send the requested bytes, or does not say which it sends')
    }
    return { size, body }
  }

  /**
   * Uses GET, because a response to HEAD has no body, which says whether the object or the bucket is absent, what is
   * denied and why, and which server says so.
   */
  async head(name: string, { signal }: ServiceOptions): Promise<{ size: number | undefined } | null> {
    try {
      const answer = await this.#bucket.send(new HeadObjectCommand(this.#bucket.object(name)), signal)
      return { size: answer.ContentLength }
    } catch (error) {
      const status = statusOf(error)
      if (status !== 404 && status !== 403) throw error
      const object = await this.get(name, { signal, atOnce: true })
      if (object === null) return null
      ;(object.body as Readable).destroy()
      if (status === 403) return { size: object.size }
      throw error
    }
  }

  async delete(name: string, { signal }: ServiceOptions): Promise<void> {
    await this.#bucket.send(new DeleteObjectCommand(this.#bucket.object(name)), signal).catch(nullIfAbsent)
  }

  /** Not quiet: only what the service names as deleted counts as deleted. */
  async deleteMany(names: readonly string[], { signal }: ServiceOptions): Promise<Map<string, unknown> | null> {
    const Objects = names.map((name) => ({ Key: this.#bucket.object(name).Key }))
    const input = { Bucket: this.#bucket.name, Delete: { Objects, Quiet: false } }
    const command = withHeaders(new DeleteObjectsCommand(input), ({ body }) => ({
      // The SDK replaced it with newer checksums, which not every service knows.
      'content-md5': createHash('md5')
        .update(body as string)
        .digest('base64'),
    }))
    const answer = await this.#bucket.send(command, signal).catch(nullIfUnknown)
    if (answer === null) return null
    const { Deleted = [], Errors = [] } = answer
    const deleted = new Set(Deleted.map(({ Key }) => Key))
    const reasons = new Map(Errors.map(({ Key, Code, Message }) => [Key, refusal(Code, Message)]))
    const kept = Objects.map(({ Key }) => Key).filter((key) => !deleted.has(key))
    return new Map(
      kept.map((key) => [this.#bucket.nameOf(key), reasons.get(key) ?? refusal('Unconfirmed', 'not named as deleted')]),
    )
  }

  async list({ prefix, after, limit, signal }: ListObjectsOptions): Promise<NamesAndMore> {
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket.name,
      Prefix: this.#bucket.object(prefix).Key,
      MaxKeys: Math.min(limit, 1000),
      // Names that another program put there may contain what XML cannot.
      EncodingType: 'url',
      ...(after === prefix ? {} : { StartAfter: this.#bucket.object(after).Key }),
    })
    const answer = await this.#bucket.send(command, signal)
    // The SDK takes any page for an empty list.
    if (answer.IsTruncated === undefined) {
      throw new UnexpectedResponse('the response to a list is not a list; check proxies in between')
    }
    const decode = (key: string): string =>
      answer.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key
    const names = (answer.Contents ?? []).map(({ Key = '' }) => this.#bucket.nameOf(decode(Key)))
    return { names, more: answer.IsTruncated }
  }

  /** Sends no request: the address is computed from the credentials. The signer is loaded on first use. */
  async presign(name: string, { expiresIn, contentType, contentDisposition }: PresignOptions): Promise<string> {
    const { getSignedUrl } = await loadSigner()
    const shown = { ResponseContentType: contentType, ResponseContentDisposition: contentDisposition }
    const command = new GetObjectCommand({ ...this.#bucket.object(name), ...shown })
    return getSignedUrl(this.#bucket.client, command, { expiresIn })
  }

  /** @throws `InvalidArgument` if the host's client retries by itself */
  async check({ signal, logger }: CheckOptions): Promise<void> {
    await this.#bucket.check(this.#options.backend)
    await probe({ ...this.#options, service: this, logger, signal })
  }

  close(): void {
    this.#bucket.close()
  }
}

/** `bytes 0-9/1000` → 1000, if the response has as many bytes as requested, or all from there on. */
function sizeInRange(header: string | undefined, range: ByteRange, length: number | undefined): number | undefined {
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(header ?? '') ?? []
  const end = Math.min(range.end, Number(size) - 1)
  return Number(start) === range.start && length === end - range.start + 1 ? Number(size) : undefined
}

function nullIfAbsent(error: unknown): null {
  if (isAbsent(error)) return null
  throw error
}

/** For a service that has no DeleteObjects, or requires it in another form. */
function nullIfUnknown(error: unknown): null {
  const [status, code] = [statusOf(error), codeOf(error)]
  if (status === 501 || status === 405 || status === 411) return null
  const codes = [
    'NotImplemented',
    'MethodNotAllowed',
    'MissingContentMD5',
    'InvalidRequest',
    'InvalidDigest',
    'MalformedXML',
  ]
  if (status === 400 && codes.includes(code)) return null
  throw error
}

/** In the shape of the SDK's errors, so that it is classified as they are. */
function refusal(code = 'Unknown', message = ''): Error {
  return Object.assign(new Error(message), { name: code, $metadata: {} })
}

/** Within `try`, because bundlers then accept that the package is not installed. */
async function loadSigner(): Promise<typeof import('@aws-sdk/s3-request-presigner')> {
  try {
    return await import('@aws-sdk/s3-request-presigner')
  } catch (cause) {
    const message = 'addresses of S3 objects need the package @aws-sdk/s3-request-presigner; install it'
    throw new BlobStoreError('InvalidArgument', message, { cause })
  }
}
