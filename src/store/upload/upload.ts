import type { BlobRef } from '../../blob/blob-ref.ts'
import { type BlobCid, cidOfDigest, parseBlobCid } from '../../blob/cid.ts'
import { mimeTypeOfFileName } from '../../blob/file-name.ts'
import { assertDid } from '../../blob/identifiers.ts'
import { matchesAccept, octetStream } from '../../blob/mime.ts'
import { effectiveMimeType, readDeclared } from '../../blob/mime-policy.ts'
import { saysSomething } from '../../blob/same-type.ts'
import { headLength, type SniffedHead, sniffHead, unseen } from '../../blob/sniff/sniff.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import { assertOneOf, assertOptions, assertWhole, invalidArgument } from '../../options.ts'
import { isDate } from '../../shapes.ts'
import type { UploadOptions } from '../calls.ts'
import type { StoreContext } from '../context.ts'
import { largestBlob, noLimits, quotaOf, type ResolvedLimits } from '../limits.ts'
import { UploadAttempt } from './attempt.ts'
import { allowanceFor, Interruption } from './interruption.ts'
import { assertTypeAllowed, assertUploadLimits, sizeLimitOf } from './narrowed-limits.ts'
import { type Received, receive } from './receive.ts'
import { type BlobSource, sizeOf } from './source.ts'

const known = [
  ...['mimeType', 'fileName', 'size', 'cid', 'createdAt', 'takenDown', 'signal'],
  ...['enforceLimits', 'privacy', 'accept', 'maxSize', 'quota', 'grants'],
]

/**
 * Receive the bytes; row before bytes; bytes durable; commit; acknowledge. The same steps whether the bytes are new or
 * another account already has them: a shorter way would reveal to an account what others have.
 */
export function upload(
  store: StoreContext,
  did: string,
  source: BlobSource,
  options: UploadOptions = {},
): Promise<BlobRef> {
  return uploadInto(store, did, source, null, options)
}

/** The same for an upload whose space is reserved already, by the row of this generation. */
export function uploadReserved(
  store: StoreContext,
  did: string,
  source: BlobSource,
  generation: string,
  options: UploadOptions,
): Promise<BlobRef> {
  return uploadInto(store, did, source, generation, options)
}

async function uploadInto(
  store: StoreContext,
  did: string,
  source: BlobSource,
  reservation: string | null,
  options: UploadOptions,
): Promise<BlobRef> {
  assertDid(did)
  assertOptions('upload', options, known)
  assertUploadLimits('upload', options)
  const { enforceLimits = true } = options
  if (typeof enforceLimits !== 'boolean') throw invalidArgument('upload', 'enforceLimits must be true or false')
  if (options.privacy !== undefined && options.privacy !== false) {
    throw invalidArgument('upload', 'privacy must be false, or absent')
  }
  assertOneOf('upload: takenDown', options.takenDown, ['refuse', 'store'])
  const limits = enforceLimits ? store.limits : noLimits
  const expected = options.cid === undefined ? null : parseBlobCid(options.cid)
  const createdAt = timeOf(options.createdAt)
  const declaredType = declaredMimeType(options)
  const declaredSize = declaredByteSize(source, options.size)
  const sizeLimit = sizeLimitOf(Math.min(limits.maxBlobSize, largestBlob), options)
  using slot = enforceLimits ? store.slots.take(did) : null
  const { idle, upload: total } = store.times
  const { minRate } = limits.uploads
  const allowance = allowanceFor(declaredSize ?? sizeLimit.maxSize)
  using interruption = new Interruption({ idle, total, allowance, minRate }, [options.signal, slot?.signal])
  const quota = await quotaOf(limits.quota, did, options.quota)
  using attempt = new UploadAttempt(store, {
    did,
    quota,
    takenDown: options.takenDown ?? 'refuse',
    reservation,
    lease: store.times.lease + allowance,
    signal: interruption.signal,
  })
  try {
    // Without a limit nothing is reserved for an upload of unknown length.
    const most = sizeLimit.maxSize < largestBlob ? sizeLimit.maxSize : limits.maxBlobSize
    const received = await receive(source, {
      ...sizeLimit,
      declaredSize,
      headLength,
      interruption,
      openSpool: () => attempt.openSpool(declaredSize, most),
    })
    attempt.received = received
    slot?.received()
    if (expected !== null) assertCid(received, expected, did)
    const { size, head } = received
    let sniffed: Promise<SniffedHead> | undefined
    const sniff = () => (sniffed ??= sniffHead(head))
    const mimeType = await acceptedMimeType(limits, size, declaredType, sniff).catch((refusal: unknown) =>
      namedMimeType(store, did, limits, received, refusal),
    )
    await assertTypeAllowed(options, { mimeType, declared: declaredType, size, sniff })
    const declared = declaredType !== null && saysSomething(declaredType)
    if (store.privacy && options.privacy !== false && expected === null) {
      const { edited } = await import('./edited.ts') // most hosts never need it
      const openSpool = async () => (await attempt.openSpool(undefined, most)).spool
      attempt.received = await edited(store, store.privacy, received, { did, signal: interruption.signal, openSpool })
    }
    return await attempt.store(attempt.received, { mimeType, declared }, createdAt)
  } catch (error) {
    await attempt.abandon()
    throw error
  }
}

/** An invalid type, and a range, declare nothing; then the file name may. */
export function declaredMimeType({ mimeType, fileName }: Pick<UploadOptions, 'mimeType' | 'fileName'>): string | null {
  if (mimeType !== undefined && typeof mimeType !== 'string') {
    throw new BlobStoreError('InvalidArgument', `upload: mimeType must be a string, not a ${typeof mimeType}`)
  }
  const named = mimeType === undefined ? null : readDeclared(mimeType)
  return named ?? (fileName === undefined ? null : mimeTypeOfFileName(String(fileName)))
}

/**
 * The type of a blob that was refused because of its type, although records of the account reference it, as after an
 * import: the CID proves the bytes, so the declared and the sniffed type do not matter. What the host accepts still
 * does.
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
  throw new BlobStoreError('CidMismatch', `The bytes have the CID ${cid}, not ${expected}`, {
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

async function acceptedMimeType(
  limits: ResolvedLimits,
  size: number,
  declared: string | null,
  sniff: () => Promise<SniffedHead>,
): Promise<string> {
  if (size === 0 && !limits.allowEmpty) {
    throw new BlobStoreError('InvalidSize', 'A blob without bytes is not accepted here')
  }
  const policy = limits === noLimits && declared !== null ? 'declared' : limits.mimePolicy
  const seen = policy === 'declared' ? unseen : await sniff()
  const mimeType = effectiveMimeType({ declared, policy, ...seen })
  if (matchesAccept(mimeType, limits.accept)) return mimeType
  throw new BlobStoreError(
    'InvalidMimeType',
    `${mimeType} is not accepted here; accepted are ${limits.accept.join(', ')}`,
  )
}
