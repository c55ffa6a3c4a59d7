import { ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3'
import type { Names } from './layout.ts'
import { codeOf, statusOf } from './meanings.ts'
import { abortParts, type Multipart } from './multipart.ts'
import { repeatedly } from './retry.ts'
import { isAbsent } from './s3-error.ts'
import type { Service } from './service.ts'

/**
 * Throws away uploads in parts for which nothing was sent for `olderThan` milliseconds: their processes are dead. They
 * are listed nowhere else, and are paid for. `underWay` holds the ids of this process's own.
 */
export async function sweepParts(
  service: Service,
  names: Names,
  olderThan: number,
  underWay: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<number> {
  let swept = 0
  const isFresh = (time: number) => Math.abs(timeAt(service) - time) <= olderThan
  for (const upload of await listUploads(service, names, signal)) {
    if (underWay.has(upload.id)) continue
    if (isFresh(upload.begun)) continue
    const last = await lastSent(service, upload, signal)
    if (last === null || isFresh(Math.max(last, upload.begun))) continue
    await abortParts(service, upload, signal)
    swept++
  }
  return swept
}

/**
 * By the service's clock, as far as its answers have told: its times are compared, and this machine's may be wrong. What lies
 * in the future all the same is of a clock of the service's that ran ahead.
 */
function timeAt({ client }: Service): number {
  return Date.now() + (client.config.systemClockOffset ?? 0)
}

type Found = Multipart & { begun: number }

async function listUploads(service: Service, names: Names, signal: AbortSignal | undefined): Promise<Found[]> {
  const { client, bucket } = service
  const found: Found[] = []
  let from = {}
  while (true) {
    const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: names.blobs, ...from })
    const page = await repeatedly(
      () =>
        service
          .request(signal, (options) => client.send(command, options))
          .catch((error: unknown) => (isNoSuchList(error) ? null : Promise.reject(error))),
      signal,
    )
    for (const { Key: name = '', UploadId: id, Initiated } of page?.Uploads ?? []) {
      if (id !== undefined && names.keyOf(name) !== null) found.push({ name, id, begun: Initiated?.getTime() ?? 0 })
    }
    if (!page?.IsTruncated || page.NextKeyMarker === undefined) return found
    from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
  }
}

/** A service without parts, or without a list of them: there is nothing to sweep, or no way to see it. */
function isNoSuchList(error: unknown): boolean {
  const status = statusOf(error)
  return status === 501 || status === 405 || (status === 404 && codeOf(error) !== 'NoSuchBucket')
}

/** When the last part came, 0 before the first; null when the upload has ended meanwhile. */
async function lastSent(
  service: Service,
  { name, id }: Multipart,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const { client, bucket } = service
  let last = 0
  let after: string | undefined
  do {
    const marker = after === undefined ? {} : { PartNumberMarker: after }
    const command = new ListPartsCommand({ Bucket: bucket, Key: name, UploadId: id, ...marker })
    const page = await repeatedly(
      () => service.request(signal, (options) => client.send(command, options)),
      signal,
    ).catch((error: unknown) => {
      if (isAbsent(error)) return null
      throw error
    })
    if (page === null) return null
    for (const { LastModified } of page.Parts ?? []) last = Math.max(last, LastModified?.getTime() ?? 0)
    after = page.IsTruncated ? page.NextPartNumberMarker : undefined
  } while (after !== undefined)
  return last
}
