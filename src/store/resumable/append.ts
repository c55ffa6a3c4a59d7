import { newGeneration } from '../../backend/key.ts'
import { assertDid } from '../../blob/identifiers.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import type { ReservationOf, ResumableState } from '../../metadata/contract/resumable.ts'
import type { ResolvedQuota } from '../../metadata/types.ts'
import { assertOptions, assertWhole, invalidArgument } from '../../options.ts'
import type { StoreContext } from '../context.ts'
import { quotaOf } from '../limits.ts'
import { ChunkList } from '../upload/chunk-list.ts'
import { interruptible } from '../upload/interruptible.ts'
import { allowanceFor, Interruption } from '../upload/interruption.ts'
import { assertUploadLimits, type SizeLimit, sizeLimitOf } from '../upload/narrowed-limits.ts'
import type { BlobSource } from '../upload/source.ts'
import { readPart, storePart } from './part-store.ts'
import type { AppendOptions, PutPartOptions, ResumableUpload } from './resumable-uploads.ts'
import { assertId, findState, forgetParts, limitOptions, toUpload } from './resumables.ts'

/** Bytes are held in memory up to this many, then stored as one part. */
const partSize = 2 * 1024 * 1024

/**
 * A last part that is smaller than this is read again and made longer: otherwise a client that sends single bytes would
 * make a row and an object of each.
 */
const smallPart = 256 * 1024

export async function append(
  store: StoreContext,
  did: string,
  id: string,
  offset: number,
  body: BlobSource,
  options: AppendOptions = {},
): Promise<ResumableUpload> {
  const what = 'resumable.append'
  assertDid(did)
  assertId(id)
  assertWhole(`${what}: offset`, offset, 0)
  assertOptions(what, options, [...limitOptions, 'size'])
  assertUploadLimits(what, options)
  if (options.size !== undefined) assertWhole(`${what}: size`, options.size, 0)
  options.signal?.throwIfAborted()
  const quota = await quotaOf(store.limits.quota, did, options.quota)
  await findState(store, did, id) // nobody else ends a request of the account
  return await store.appends.run(id, async (takenOver) => {
    let state = await findState(store, did, id)
    if (state.partSize !== null) throw invalidArgument(what, 'this upload was created with partSize: use putPart')
    if (state.finished || offset !== state.received) throw wrongOffset(did, state)
    const limit = sizeLimitOf(store.limits.maxBlobSize, options)
    if (options.size !== undefined && options.size !== state.size) {
      if (options.size > limit.maxSize) throw limit.tooLarge()
      state = await store.metadata.sizeResumable(did, id, options.size, reservationOf(store, quota))
    }
    using slot = store.slots.take(did)
    const most = Math.max(0, (state.size ?? limit.maxSize) - offset)
    const interruption = interruptionOf(store, most, [options.signal, slot.signal, takenOver])
    using _ = interruption
    const writer = new PartWriter(store, { did, id, state, quota, limit })
    await writer.continueLast().catch(async (error: unknown) => {
      if (isBlobStoreError(error, 'BlobMissing') || isBlobStoreError(error, 'BlobDamaged'))
        await endLost(store, did, id)
      throw error
    })
    try {
      for await (const chunk of interruptible(body, interruption)) await writer.add(chunk)
    } catch (error) {
      await writer.keep()
      throw error
    }
    interruption.received()
    return await toUpload(store, await writer.flush())
  })
}

/** What was acknowledged is lost, and no request can send it again: the client must begin a new upload, and be told so. */
async function endLost(store: StoreContext, did: string, id: string): Promise<void> {
  await store.metadata.endResumable(did, id)
  await forgetParts(store, did, id)
}

export async function putPart(
  store: StoreContext,
  did: string,
  id: string,
  part: number,
  body: BlobSource,
  options: PutPartOptions = {},
): Promise<ResumableUpload> {
  const what = 'resumable.putPart'
  assertDid(did)
  assertId(id)
  assertWhole(`${what}: part`, part, 1)
  assertOptions(what, options, limitOptions)
  assertUploadLimits(what, options)
  options.signal?.throwIfAborted()
  const quota = await quotaOf(store.limits.quota, did, options.quota)
  const state = await findState(store, did, id)
  const { partSize, size } = state
  if (partSize === null || size === null) throw invalidArgument(what, 'this upload has no parts: use append')
  const start = (part - 1) * partSize
  if (start >= size && !(part === 1 && size === 0)) {
    throw invalidArgument(what, `this upload has ${Math.ceil(size / partSize)} parts, and no part ${part}`)
  }
  const expected = Math.min(partSize, size - start)
  using slot = store.slots.take(did)
  using interruption = interruptionOf(store, expected, [options.signal, slot.signal])
  const held = new ChunkList()
  for await (const chunk of interruptible(body, interruption)) {
    if (held.size + chunk.byteLength > expected) throw wrongLength(did, part, expected, 'more')
    held.push(chunk)
  }
  interruption.received()
  if (held.size !== expected) throw wrongLength(did, part, expected, String(held.size))
  const target = { did, id, start, replaces: start, after: null, more: 0, quota }
  return await toUpload(store, await storePart(store, held.take(), target))
}

function reservationOf({ backends, times, epoch }: StoreContext, quota: ResolvedQuota): ReservationOf {
  const lease = times.resumable + times.lease
  return { generation: newGeneration(epoch), backend: backends.write.name, quota, lease }
}

function interruptionOf(
  { times, limits }: StoreContext,
  bytes: number,
  callers: readonly (AbortSignal | undefined)[],
): Interruption {
  const { minRate } = limits.uploads
  return new Interruption({ idle: times.idle, total: times.upload, allowance: allowanceFor(bytes), minRate }, callers)
}

interface Appending {
  did: string
  id: string
  state: ResumableState
  quota: ResolvedQuota
  limit: SizeLimit
}

/** Collects the bytes of an append, and stores them in parts. */
class PartWriter {
  readonly #store: StoreContext
  readonly #did: string
  readonly #id: string
  readonly #quota: ResolvedQuota
  readonly #limit: SizeLimit
  #state: ResumableState
  readonly #chunks = new ChunkList()
  /** Bytes of the last part that are stored already, and are stored again with what follows. */
  #former = 0
  /** How many bytes have arrived since the last part. */
  #held = 0
  #failed = false

  constructor(store: StoreContext, { did, id, state, quota, limit }: Appending) {
    this.#store = store
    this.#did = did
    this.#id = id
    this.#state = state
    this.#quota = quota
    this.#limit = limit
  }

  async continueLast(): Promise<void> {
    const last = await this.#store.metadata.lastPartOf(this.#id)
    if (!last || last.size >= smallPart || last.start + last.size !== this.#state.received) return
    this.#chunks.push(await readPart(this.#store, last))
    this.#former = last.size
  }

  async add(chunk: Uint8Array): Promise<void> {
    const { size, received } = this.#state
    const offset = received + this.#held + chunk.byteLength
    if (size !== null && offset > size) throw tooMany(this.#did, size)
    if (offset > this.#limit.maxSize) throw this.#limit.tooLarge()
    this.#chunks.push(chunk)
    this.#held += chunk.byteLength
    if (this.#former + this.#held >= partSize) await this.flush()
  }

  async flush(): Promise<ResumableState> {
    if (this.#held === 0) return this.#state
    const start = this.#state.received - this.#former
    const replaces = this.#former > 0 ? start : null
    const target = { did: this.#did, id: this.#id, start, replaces, after: this.#state.received, quota: this.#quota }
    this.#failed = true
    const more = this.#state.size === null ? this.#held : 0
    this.#state = await storePart(this.#store, this.#chunks.take(), { ...target, more })
    this.#failed = false
    this.#held = 0
    this.#former = 0
    return this.#state
  }

  /** After the source failed: stores what it had sent, if that is possible. */
  async keep(): Promise<void> {
    if (!this.#failed) await this.flush().catch(() => {})
  }
}

function wrongOffset(did: string, { received, finished }: ResumableState): BlobStoreError {
  const message = finished ? 'The upload is finished' : `The upload has ${received} bytes: continue there`
  return new BlobStoreError('UploadOffsetMismatch', message, { did, offset: received })
}

function tooMany(did: string, size: number): BlobStoreError {
  return new BlobStoreError('InvalidSize', `${size} bytes were announced, but more arrived`, { did })
}

function wrongLength(did: string, part: number, expected: number, found: string): BlobStoreError {
  return new BlobStoreError('InvalidSize', `Part ${part} must have ${expected} bytes, but ${found} arrived`, { did })
}
