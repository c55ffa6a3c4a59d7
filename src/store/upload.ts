import { setTimeout as pause } from 'node:timers/promises'
import { type BlobKey, keyOf, newGeneration } from '../backend/key.ts'
import { isUnsure } from '../backend/unsure.ts'
import type { BlobRef } from '../blob/blob-ref.ts'
import { createBlobRef } from '../blob/blob-ref.ts'
import { type BlobCid, cidOfDigest, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/did.ts'
import { mimeTypeOfFileName } from '../blob/file-name.ts'
import { matchesAccept, octetStream } from '../blob/mime.ts'
import { effectiveMimeType, readDeclared } from '../blob/mime-policy.ts'
import { saysSomething } from '../blob/same-type.ts'
import { headLength, sniffHead, unseen } from '../blob/sniff.ts'
import { BlobStoreError, isBlobStoreError } from '../errors.ts'
import type { ResolvedQuota } from '../metadata/quota.ts'
import type { CommitOutcome } from '../metadata/uploads.ts'
import { assertOneOf, assertOptions, assertWhole } from '../options.ts'
import { printable } from '../printable.ts'
import { isDate } from '../shapes.ts'
import type { UploadOptions } from './calls.ts'
import { type StoreContext, unusedDelay } from './context.ts'
import { inspect } from './hooks.ts'
import { allowanceFor, Interruption } from './interruption.ts'
import { largestBlob, noLimits, noMost, type ResolvedLimits } from './limits.ts'
import { quotaOf } from './quota.ts'
import { type Received, receive, type SpoolGrant } from './receive.ts'
import { type BlobSource, sizeOf } from './source.ts'

/**
 * Receive the bytes; row before bytes; bytes durable; commit; acknowledge. The same steps for bytes that are new and
 * for bytes that somebody has already: a shorter way would tell an account what others hold.
 */
export async function upload(
  store: StoreContext,
  did: string,
  source: BlobSource,
  options: UploadOptions = {},
): Promise<BlobRef> {
  assertDid(did)
  const known = ['mimeType', 'fileName', 'size', 'cid', 'createdAt', 'limits', 'takenDown', 'signal']
  assertOptions('upload', options, known)
  assertOneOf('upload: limits', options.limits, ['on', 'off'])
  assertOneOf('upload: takenDown', options.takenDown, ['refuse', 'store'])
  const limits = options.limits === 'off' ? noLimits : store.limits
  const expected = options.cid === undefined ? null : parseBlobCid(options.cid)
  const createdAt = timeOf(options.createdAt)
  const declaredType = declaredMimeType(options)
  const declaredSize = declaredByteSize(source, options.size)
  using slot = options.limits === 'off' ? null : store.slots.take(did)
  const { idle, upload: total } = store.times
  const { minRate } = limits.uploads
  const allowance = allowanceFor(declaredSize ?? limits.maxBlobSize)
  using interruption = new Interruption({ idle, total, allowance, minRate }, [options.signal, slot?.signal])
  const quota = await quotaOf(limits.quota, did)
  const attempt = new Attempt(store, did, quota, options.takenDown ?? 'refuse', interruption.signal)
  attempt.lease += allowance
  try {
    const received = await receive(source, {
      declaredSize,
      maxSize: Math.min(limits.maxBlobSize, largestBlob),
      headLength,
      interruption,
      openSpool: () => attempt.openSpool(declaredSize, limits.maxBlobSize),
    })
    attempt.received = received
    slot?.received()
    if (expected !== null) assertCid(received, expected, did)
    const mimeType = await acceptedMimeType(limits, received, declaredType).catch((refusal: unknown) =>
      namedMimeType(store, did, limits, received, refusal),
    )
    const declared = declaredType !== null && saysSomething(declaredType)
    return await attempt.store(received, { mimeType, declared }, createdAt)
  } catch (error) {
    await attempt.abandon()
    throw error
  }
}

/** How often bytes in memory are put, each time under a key of their own, and the milliseconds at least between. */
const attempts = 3
const pauseBefore = 100

/** One upload's way through the protocol, and how it is undone wherever it stops. */
class Attempt {
  received: Received | null = null
  /** How long the upload counts as alive, in milliseconds: longer than it may take. */
  lease: number
  readonly #store: StoreContext
  readonly #did: string
  readonly #quota: ResolvedQuota
  readonly #takenDown: 'refuse' | 'store'
  readonly #signal: AbortSignal
  #generation: string
  #reserved = false
  #key: BlobKey | null = null
  #settled = false

  constructor(
    store: StoreContext,
    did: string,
    quota: ResolvedQuota,
    takenDown: 'refuse' | 'store',
    signal: AbortSignal,
  ) {
    this.#store = store
    this.lease = store.times.lease
    this.#did = did
    this.#quota = quota
    this.#takenDown = takenDown
    this.#signal = signal
    this.#generation = newGeneration(store.epoch)
  }

  async openSpool(declaredSize: number | undefined, most: number): Promise<SpoolGrant> {
    const { metadata } = this.#store
    const backend = this.#store.backends.write
    this.#reserved = true // even if the answer is lost
    const granted = await metadata.reserve({
      generation: this.#generation,
      backend: backend.name,
      did: this.#did,
      // Where nothing bounds it, there is nothing to reserve.
      size: declaredSize === undefined && most < noMost ? { most } : { known: declaredSize ?? 0 },
      quota: this.#quota,
      lease: this.lease,
    })
    const spool = await backend.spool({ signal: this.#signal })
    return { spool, granted: most < noMost ? granted : noMost }
  }

  async store(
    received: Received,
    { mimeType, declared }: { mimeType: string; declared: boolean },
    createdAt: number | undefined,
  ): Promise<BlobRef> {
    const { metadata, times } = this.#store
    const backend = this.#store.backends.write
    const { size } = received
    const cid = cidOfDigest(received.sha256)
    const about = { backend: backend.name, did: this.#did, cid, size }
    const key = await this.#put(received, about)
    const row = { ...about, key }
    await inspect(this.#store, {
      did: this.#did,
      cid,
      mimeType,
      size,
      signal: this.#signal,
      read: (over) => this.#read(key, over),
    })
    const outcome = await metadata.commit({
      ...row,
      mimeType,
      declared,
      createdAt,
      takenDown: this.#takenDown,
      grace: times.grace,
      fresh: times.fresh,
      deleteDelay: times.deleteDelay,
      unusedDelay: unusedDelay(this.#store),
    })
    this.#settled = true
    const stored = this.#stored(outcome, cid)
    return createBlobRef({ cid, mimeType: stored.mimeType, size })
  }

  /** Row before bytes, and the bytes under the key that it gives. */
  async #put(
    { size, sha256, spool, chunks }: Received,
    about: { backend: string; did: string; cid: BlobCid; size: number },
  ): Promise<BlobKey> {
    const { metadata, backends } = this.#store
    const body = spool ? { size, sha256, spool } : { size, sha256, chunks }
    let failure: { error: unknown } | undefined
    for (let attempt = 1; ; attempt++) {
      const key = keyOf(about.cid, this.#generation)
      this.#key = key
      const intent = metadata.intend({
        ...{ ...about, key },
        generation: this.#generation,
        quota: this.#quota,
        lease: this.lease,
        reserved: this.#reserved,
      })
      // Bytes that may lie under keys that were given up count against the account: that is not what failed.
      await intent.catch((error: unknown) => Promise.reject(failure ? failure.error : error))
      try {
        await backends.write.put(key, body, { signal: this.#signal })
        return key
      } catch (error) {
        if (attempt === attempts || this.#reserved || !isUnsure(error)) throw error
        failure = { error }
        await this.#giveUpKey(error)
      }
    }
  }

  /**
   * After a put of which nobody knows whether it stored the bytes: ends this upload as one that failed, and begins the
   * next, with the bytes that are still in memory and a key that was never used.
   */
  async #giveUpKey(error: unknown): Promise<void> {
    await this.#release().catch(() => Promise.reject(error))
    this.#key = null
    this.#generation = newGeneration(this.#store.epoch)
    await pause(pauseBefore * (1 + Math.random()), undefined, { signal: this.#signal }).catch(() => {})
    this.#signal.throwIfAborted()
  }

  #release(): Promise<void> {
    return this.#store.metadata.release({
      generation: this.#generation,
      did: this.#did,
      key: this.#key,
      unusedDelay: unusedDelay(this.#store),
    })
  }

  /** Leaves nothing behind. What cannot be undone now is undone by collecting, once the lease is over. */
  async abandon(): Promise<void> {
    if (this.#settled) return
    const { logger } = this.#store
    await this.received?.spool?.discard().catch(() => {})
    if (!this.#reserved && this.#key === null) return
    await this.#release().catch((error: unknown) => {
      logger.warn(
        { err: error, did: this.#did },
        'An upload could not be undone; it is collected when its lease is over',
      )
    })
  }

  /** The bytes as they were stored: what is inspected is what will be served. */
  async *#read(key: BlobKey, over: AbortSignal): AsyncGenerator<Uint8Array> {
    const object = await this.#store.backends.write.get(key, { signal: AbortSignal.any([this.#signal, over]) })
    if (object) yield* object.body
  }

  #stored(outcome: CommitOutcome, cid: string): Extract<CommitOutcome, { outcome: 'stored' }> {
    const about = { did: this.#did, cid }
    if (outcome.outcome === 'takenDown') {
      throw new BlobStoreError('BlobTakenDown', 'This blob was taken down and cannot be uploaded again', about)
    }
    if (outcome.outcome === 'accountDeleted') {
      throw new BlobStoreError('AccountDeleted', 'The blobs of this account were deleted', about)
    }
    if (outcome.differing.length > 0) {
      const differing = outcome.differing
        .slice(0, 10)
        .map(({ recordUri, mimeType, size }) => ({ recordUri: printable(recordUri, 300), mimeType, size }))
      this.#store.logger.warn(
        { ...about, mimeType: outcome.mimeType, differing },
        'Imported records name this blob with another type or size than it has; they reference it all the same',
      )
    }
    return outcome
  }
}

/** What is no MIME type, and a range, declares nothing; then the file's name may. */
function declaredMimeType({ mimeType, fileName }: UploadOptions): string | null {
  if (mimeType !== undefined && typeof mimeType !== 'string') {
    throw new BlobStoreError('InvalidArgument', `upload: mimeType must be a string, not a ${typeof mimeType}`)
  }
  const named = mimeType === undefined ? null : readDeclared(mimeType)
  return named ?? (fileName === undefined ? null : mimeTypeOfFileName(String(fileName)))
}

/**
 * The type of a blob that was refused by its type, although records of the account name it, as after an import: the CID
 * proves the bytes, so what the client says, or what they look like, is not asked. What the host accepts still is.
 */
async function namedMimeType(
  { metadata }: StoreContext,
  did: string,
  limits: ResolvedLimits,
  { sha256 }: Received,
  refusal: unknown,
): Promise<string> {
  if (!isBlobStoreError(refusal, 'InvalidMimeType')) throw refusal
  const named = await metadata.namedType(did, cidOfDigest(sha256))
  if (named === undefined || !matchesAccept(named ?? octetStream, limits.accept)) throw refusal
  return named ?? octetStream
}

function timeOf(createdAt: Date | undefined): number | undefined {
  if (createdAt === undefined) return undefined
  const time = isDate(createdAt) ? createdAt.getTime() : Number.NaN
  if (time >= 0) return time
  throw new BlobStoreError('InvalidArgument', 'upload: createdAt must be a valid Date, of 1970 or later')
}

function assertCid({ sha256 }: Received, expected: BlobCid, did: string): void {
  const cid = cidOfDigest(sha256)
  if (cid === expected) return
  throw new BlobStoreError('BlobDamaged', `These are not the bytes of ${expected}, but of ${cid}`, {
    did,
    cid: expected,
  })
}

function declaredByteSize(source: BlobSource, size: number | undefined): number | undefined {
  const certain = sizeOf(source)
  if (size === undefined) return certain
  assertWhole('upload: size', size, 0)
  if (certain === undefined || certain === size) return size
  throw new BlobStoreError('InvalidSize', `${size} bytes were announced, but there are ${certain}`)
}

async function acceptedMimeType(limits: ResolvedLimits, received: Received, declared: string | null): Promise<string> {
  if (received.size === 0 && !limits.allowEmpty) {
    throw new BlobStoreError('InvalidSize', 'A blob without bytes is not accepted here')
  }
  const policy = limits === noLimits && declared !== null ? 'declared' : limits.mimePolicy
  const seen = policy === 'declared' ? unseen : await sniffHead(received.head)
  const mimeType = effectiveMimeType({ declared, policy, ...seen })
  if (matchesAccept(mimeType, limits.accept)) return mimeType
  throw new BlobStoreError(
    'InvalidMimeType',
    `${mimeType} is not accepted here; accepted are ${limits.accept.join(', ')}`,
  )
}
