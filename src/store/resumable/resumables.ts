import { randomBytes } from 'node:crypto'
import { base32 } from 'multiformats/bases/base32'
import type { CallOptions } from '../../backend/backend.ts'
import { newGeneration } from '../../backend/key.ts'
import { untilAborted } from '../../backend/until-aborted.ts'
import { createBlobRef } from '../../blob/blob-ref.ts'
import { parseBlobCid } from '../../blob/cid.ts'
import { assertDid } from '../../blob/identifiers.ts'
import { octetStream } from '../../blob/mime.ts'
import { BlobStoreError } from '../../errors.ts'
import type { Part, ResumableState } from '../../metadata/contract/resumable.ts'
import { assertOptions, assertWhole, invalidArgument } from '../../options.ts'
import type { StoreContext } from '../context.ts'
import { deleteBytes } from '../delete-bytes.ts'
import { quotaOf } from '../limits.ts'
import { noteOf } from '../notes.ts'
import { assertUploadLimits, sizeLimitOf } from '../upload/narrowed-limits.ts'
import { declaredMimeType } from '../upload/upload.ts'
import type { CreateResumableOptions, ResumableUpload } from './resumable-uploads.ts'

const KiB = 1024
export const limitOptions: readonly string[] = ['accept', 'maxSize', 'quota', 'grants', 'signal']
const longestNote = 4096
const partSizes = { least: 64 * KiB, most: 8 * KiB * KiB }
/** All of them are read with each that arrives. */
const mostParts = 1000

/** How many parts one transaction forgets. */
const batch = 250

/** How long a client waits until the bytes of its parts are deleted, in milliseconds. */
const patience = 5000

export async function createResumable(
  store: StoreContext,
  did: string,
  options: CreateResumableOptions = {},
): Promise<ResumableUpload> {
  const what = 'resumable.create'
  assertDid(did)
  assertOptions(what, options, [...limitOptions, 'size', 'partSize', 'mimeType', 'fileName', 'cid', 'note'])
  assertUploadLimits(what, options)
  options.signal?.throwIfAborted()
  const { metadata, limits, times, backends } = store
  const { size = null, partSize = null } = options
  if (size !== null) assertWhole(`${what}: size`, size, 0)
  if (partSize !== null) assertPartSize(what, partSize, size)
  const limit = sizeLimitOf(limits.maxBlobSize, options)
  if (size !== null && size > limit.maxSize) throw limit.tooLarge()
  const id = base32.baseEncode(randomBytes(16))
  await metadata.createResumable({
    ...{ id, did, size, partSize, mimeType: declaredMimeType(options) },
    note: noteOf(what, 'note', options.note, longestNote),
    cid: options.cid === undefined ? null : parseBlobCid(options.cid),
    expires: times.resumable,
    most: limits.uploads.resumable,
    generation: newGeneration(store.epoch),
    backend: backends.write.name,
    quota: await quotaOf(limits.quota, did, options.quota),
    lease: times.resumable + times.lease,
  })
  return await toUpload(store, await findState(store, did, id))
}

export async function statResumable(
  store: StoreContext,
  did: string,
  id: string,
  options: CallOptions = {},
): Promise<ResumableUpload | null> {
  assertDid(did)
  assertId(id)
  assertOptions('resumable.stat', options, ['signal'])
  options.signal?.throwIfAborted()
  if ((await store.metadata.findResumable(did, id)) === null) return null // nobody else ends a request of the account
  await untilAborted(store.appends.end(id), options.signal)
  const state = await store.metadata.findResumable(did, id)
  return state && (await toUpload(store, state))
}

export async function abortResumable(
  store: StoreContext,
  did: string,
  id: string,
  options: CallOptions = {},
): Promise<void> {
  assertDid(did)
  assertId(id)
  assertOptions('resumable.abort', options, ['signal'])
  options.signal?.throwIfAborted()
  if ((await store.metadata.findResumable(did, id)) === null) return
  await untilAborted(store.appends.end(id), options.signal)
  await store.metadata.endResumable(did, id)
  await forgetParts(store, did, id)
}

/**
 * Forgets the parts of an upload that is over, and deletes their bytes at once: they may be those of a blob that is purged,
 * and a purge does not know their keys. What cannot be deleted now, the next collection deletes; and after a crash a
 * collection does all of it, when the upload has expired.
 */
export async function forgetParts(store: StoreContext, did: string, id: string): Promise<void> {
  const deletion = { signal: AbortSignal.timeout(patience), down: new Set<string>() }
  let forgotten: Part[]
  do {
    forgotten = await store.metadata.forgetParts(did, id, batch)
    for (const [backend, some] of Map.groupBy(forgotten, (part) => part.backend)) {
      if (deletion.signal.aborted) continue
      const keys = some.map(({ key }) => key)
      await deleteBytes(store.backends, backend, keys, deletion).catch(() => {})
    }
  } while (forgotten.length === batch)
}

/** @throws `UploadNotFound` */
export async function findState({ metadata }: StoreContext, did: string, id: string): Promise<ResumableState> {
  const state = await metadata.findResumable(did, id)
  if (state) return state
  const message = 'There is no such resumable upload, or it has ended or expired; begin a new one'
  throw new BlobStoreError('UploadNotFound', message, { did })
}

/** The state as callers see it. */
export async function toUpload({ metadata }: StoreContext, state: ResumableState): Promise<ResumableUpload> {
  const { id, size, partSize, received, finished, cid, mimeType, note, expiresAt } = state
  const parts = partSize === null || finished ? [] : await metadata.partsOf(id)
  return {
    // What arrived, also if the blob has fewer bytes: see `privacy`.
    ...{ id, size: finished ? received : size, partSize, note, offset: received },
    parts: parts.map(({ start }) => start / (partSize ?? 1) + 1),
    expiresAt: new Date(expiresAt),
    blob:
      finished && cid !== null && size !== null
        ? createBlobRef({ cid, size, mimeType: mimeType ?? octetStream })
        : null,
  }
}

/** @throws `InvalidArgument` unless it has the form of an id: what a client sent must not reach the database as it is */
export function assertId(id: unknown): asserts id is string {
  if (typeof id === 'string' && /^[a-z2-7]{26}$/.test(id)) return
  throw invalidArgument('resumable', 'the id must be one that create() gave')
}

function assertPartSize(what: string, partSize: number, size: number | null): void {
  const { least, most } = partSizes
  assertWhole(`${what}: partSize`, partSize, least)
  if (partSize > most) throw invalidArgument(what, `partSize must be at most ${most} bytes`)
  if (size === null) throw invalidArgument(what, 'partSize needs `size`: the length of the last part depends on it')
  if (size <= mostParts * partSize) return
  const needed = Math.ceil(size / mostParts)
  throw invalidArgument(what, `partSize must be at least ${needed} bytes for this size, for ${mostParts} parts at most`)
}
