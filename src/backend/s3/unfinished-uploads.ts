import { ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3'
import type { Requests } from '../remote/requests.ts'
import type { SweepUploadsOptions } from '../remote/service.ts'
import type { Bucket } from './bucket.ts'
import { codeOf, isAbsent, statusOf } from './errors.ts'

export interface UnfinishedOptions extends SweepUploadsOptions {
  bucket: Bucket
  requests: Requests
  /** The ids of this process's own uploads, which are still running. */
  underWay: ReadonlySet<string>
}

interface Found {
  name: string
  id: string
  begun: number
}

/** Multipart uploads that sent nothing for `olderThan` milliseconds: their processes are dead. */
export async function* findUnfinished(options: UnfinishedOptions): AsyncGenerator<Found> {
  const { bucket, olderThan, underWay } = options
  const isFresh = (time: number): boolean => Math.abs(timeAt(bucket) - time) <= olderThan
  for (const upload of await listUploads(options)) {
    if (underWay.has(upload.id) || isFresh(upload.begun)) continue
    const last = await lastSent(upload, options)
    if (last !== null && !isFresh(Math.max(last, upload.begun))) yield upload
  }
}

/**
 * By the service's clock, as far as its responses show it: the times compared are the service's, and this machine's
 * clock may be wrong. A time that is still in the future comes from a time when the service's clock ran ahead.
 */
function timeAt({ client }: Bucket): number {
  return Date.now() + (client.config.systemClockOffset ?? 0)
}

async function listUploads({ bucket, requests, prefix, isOurs, signal }: UnfinishedOptions): Promise<Found[]> {
  const found: Found[] = []
  const within = { Bucket: bucket.name, Prefix: bucket.object(prefix).Key }
  let from = {}
  while (true) {
    const command = new ListMultipartUploadsCommand({ ...within, ...from })
    const page = await requests.retryIdempotent(signal, (own) => bucket.send(command, own).catch(nullIfNoList))
    for (const { Key = '', UploadId: id, Initiated } of page?.Uploads ?? []) {
      const name = bucket.nameOf(Key)
      if (id !== undefined && isOurs(name)) found.push({ name, id, begun: Initiated?.getTime() ?? 0 })
    }
    if (!page?.IsTruncated || page.NextKeyMarker === undefined) return found
    from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
  }
}

/** A service without parts, or without a list of them: there is nothing to sweep, or no way to see it. */
function nullIfNoList(error: unknown): null {
  const status = statusOf(error)
  if (status === 501 || status === 405 || (status === 404 && codeOf(error) !== 'NoSuchBucket')) return null
  throw error
}

/** When the last part arrived, 0 before the first; null when the upload has ended meanwhile. */
async function lastSent({ name, id }: Found, { bucket, requests, signal }: UnfinishedOptions): Promise<number | null> {
  let last = 0
  let after: string | undefined
  do {
    const marker = after === undefined ? {} : { PartNumberMarker: after }
    const command = new ListPartsCommand({ ...bucket.object(name), UploadId: id, ...marker })
    const page = await requests
      .retryIdempotent(signal, (own) => bucket.send(command, own))
      .catch((error: unknown) => {
        if (isAbsent(error)) return null
        throw error
      })
    if (page === null) return null
    for (const { LastModified } of page.Parts ?? []) last = Math.max(last, LastModified?.getTime() ?? 0)
    after = page.IsTruncated ? page.NextPartNumberMarker : undefined
  } while (after !== undefined)
  return last
}
