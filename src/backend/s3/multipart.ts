import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import pLimit from 'p-limit'
import { UnexpectedResponse } from '../remote/errors.ts'
import type { Requests } from '../remote/requests.ts'
import type { MultipartUploads, RemoteService, SweepUploadsOptions } from '../remote/service.ts'
import type { UploadBody, UploadSource } from '../remote/upload-source.ts'
import { type Bucket, sending, withPayloadHash } from './bucket.ts'
import { isAbsent } from './errors.ts'
import type { S3Limits } from './options.ts'
import { findUnfinished } from './unfinished-uploads.ts'

/** For browsers that open the object directly: it is not a page, whatever its bytes look like. */
export const objectHeaders = { ContentType: 'application/octet-stream', ContentDisposition: 'attachment' }

/** A service may take minutes to put parts together. */
const completing = 10 * 60_000

export interface S3MultipartOptions {
  bucket: Bucket
  limits: S3Limits
  requests: Requests
  service: Required<Pick<RemoteService, 'head'>>
}

/** A multipart upload that is running. */
interface Upload {
  name: string
  id: string
}

/**
 * Sends files in parts, several at once. The object does not exist before all parts are put together; after a failure
 * or an abort the parts are deleted.
 */
export class S3MultipartUploads implements MultipartUploads {
  readonly threshold: number
  readonly partSize: number
  readonly #options: S3MultipartOptions
  /** The ids of this process's own uploads. */
  readonly #underWay = new Set<string>()

  constructor(options: S3MultipartOptions) {
    this.#options = options
    this.threshold = options.limits.multipartThreshold
    this.partSize = options.limits.partSize
  }

  async put(name: string, source: UploadSource, signal: AbortSignal | undefined): Promise<void> {
    const { bucket, requests } = this.#options
    const create = new CreateMultipartUploadCommand({ ...bucket.object(name), ...objectHeaders })
    const { UploadId: id } = await requests.retryIfNotApplied(signal, (own) => bucket.send(create, own))
    if (id === undefined) throw new UnexpectedResponse('the service began an upload in parts without an id')
    this.#underWay.add(id)
    try {
      const tags = await this.#sendAll({ name, id }, source, signal)
      await this.#complete({ name, id }, tags, signal)
      await this.#checkWhole(name, source.size, signal)
    } catch (error) {
      // Also after a lost response: if the upload was completed, this does nothing. If the abort fails, a sweep deletes
      // the parts.
      await this.#abort({ name, id }, undefined).catch(() => {})
      throw error
    } finally {
      this.#underWay.delete(id)
    }
  }

  /** Parts are not listed as objects, but cost money. */
  async sweep(options: SweepUploadsOptions): Promise<number> {
    let swept = 0
    for await (const upload of findUnfinished({ ...this.#options, ...options, underWay: this.#underWay })) {
      await this.#abort(upload, options.signal)
      swept++
    }
    return swept
  }

  /** Deletes the parts. Does nothing if there are none. */
  async #abort({ name, id }: Upload, signal: AbortSignal | undefined): Promise<void> {
    const { bucket, requests } = this.#options
    const command = new AbortMultipartUploadCommand({ ...bucket.object(name), UploadId: id })
    await requests
      .retryIdempotent(signal, (own) => bucket.send(command, own))
      .catch((error: unknown) => {
        if (!isAbsent(error)) throw error
      })
  }

  /** The tag of each part. */
  async #sendAll(upload: Upload, source: UploadSource, signal: AbortSignal | undefined): Promise<string[]> {
    const { limits, requests } = this.#options
    // The first failure ends the other parts, and all have ended before the parts are deleted.
    const failing = new AbortController()
    const either = AbortSignal.any(signal ? [signal, failing.signal] : [failing.signal])
    const limit = pLimit(limits.partsAtOnce)
    const sent = (source.file?.digests ?? []).map((digest, index) =>
      limit(async () => {
        either.throwIfAborted()
        try {
          // A part may be sent twice: the same bytes under the same number of the same upload.
          return await requests.retryIdempotent(either, (own, idle) => {
            const start = index * this.partSize
            const size = Math.min(this.partSize, source.size - start)
            return this.#sendPart(upload, index + 1, { body: source.body(idle, start, size), size, digest }, own)
          })
        } catch (error) {
          failing.abort(error)
          throw error
        }
      }),
    )
    const outcomes = await Promise.allSettled(sent)
    signal?.throwIfAborted()
    if (failing.signal.aborted) throw failing.signal.reason
    return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<string>).value)
  }

  async #sendPart(
    { name, id }: Upload,
    number: number,
    { body, size, digest }: { body: UploadBody; size: number; digest: Uint8Array },
    signal: AbortSignal,
  ): Promise<string> {
    const { bucket } = this.#options
    const about = { ...bucket.object(name), UploadId: id, PartNumber: number, ContentLength: size }
    const { ETag: tag } = await sending(body, size, (Body) =>
      bucket.send(withPayloadHash(new UploadPartCommand({ ...about, Body }), digest), signal),
    )
    if (tag === undefined) throw new UnexpectedResponse('the service accepted a part without returning its tag')
    return tag
  }

  /** Not retried: after a lost response the object may exist or not, so the key is given up. */
  async #complete({ name, id }: Upload, tags: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const { bucket, requests } = this.#options
    const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }))
    const input = { ...bucket.object(name), UploadId: id, MultipartUpload: { Parts } }
    const command = new CompleteMultipartUploadCommand(input)
    const timeouts = { ...requests.timeouts, answer: completing }
    const { ETag: tag = '' } = await requests.once(signal, (own) => bucket.send(command, own), timeouts)
    // By convention the tag of the object ends in the number of its parts.
    const [, count] = /-(\d+)"?$/.exec(tag) ?? []
    if (count !== undefined && Number(count) !== tags.length) {
      throw new UnexpectedResponse(`the service put ${count} parts together, but ${tags.length} were sent`)
    }
  }

  async #checkWhole(name: string, size: number, signal: AbortSignal | undefined): Promise<void> {
    const { requests, service } = this.#options
    const found = await requests.retryIdempotent(signal, (own) => service.head(name, { signal: own }))
    if (found?.size === size) return
    const has = found?.size ?? 'none'
    throw new UnexpectedResponse(`the service has ${has} of ${size} bytes after putting the parts together`)
  }
}
