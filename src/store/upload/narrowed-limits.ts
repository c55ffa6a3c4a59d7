import type { BlobGrant } from '../../blob/grants.ts'
import { assertAcceptPatterns } from '../../blob/mime.ts'
import { effectiveMimeType } from '../../blob/mime-policy.ts'
import { matchesInAnySpelling } from '../../blob/same-type.ts'
import type { SniffedHead } from '../../blob/sniff/sniff.ts'
import { BlobStoreError, isBlobStoreError } from '../../errors.ts'
import { assertOptions, assertWhole, invalidArgument } from '../../options.ts'
import type { UploadLimits } from '../calls.ts'
import { resolveQuota, unlimited } from '../limits.ts'

/**
 * Checks a caller's limits. An absent limit means no limit, so an invalid one must not count as absent.
 *
 * @throws `InvalidArgument`
 */
export function assertUploadLimits(what: string, { accept, maxSize, quota, grants }: UploadLimits): void {
  if (accept !== undefined) assertAcceptPatterns(accept)
  if (maxSize !== undefined) assertWhole(`${what}: maxSize`, maxSize, 0)
  if (quota !== undefined) resolveQuota(quota, `${what}: quota`)
  if (grants === undefined) return
  if (!Array.isArray(grants)) throw invalidArgument(what, 'grants must be a list, as blobGrants gives it')
  for (const grant of grants as readonly BlobGrant[]) {
    assertOptions(`${what}: grants`, grant, ['accept', 'maxSize'])
    assertAcceptPatterns(grant.accept)
    if (grant.maxSize !== undefined) assertWhole(`${what}: grants: maxSize`, grant.maxSize, 0)
  }
}

/** How many bytes an upload may have, and the error if it has more. */
export interface SizeLimit {
  /** Inclusive. */
  readonly maxSize: number
  tooLarge(): BlobStoreError
}

/**
 * The lowest of the limits. The type decides which grant applies, but it is known last: until then, the grant that
 * allows most applies.
 *
 * @throws `ScopeMissing` if nothing is granted
 */
export function sizeLimitOf(storeMost: number, { maxSize = unlimited, grants }: UploadLimits): SizeLimit {
  if (grants?.length === 0) throw scopeMissing('upload blobs', grants)
  const granted = grants?.reduce((most, grant) => Math.max(most, mostOf(grant)), 0) ?? unlimited
  const own = Math.min(storeMost, maxSize)
  if (granted < own) {
    return { maxSize: granted, tooLarge: () => scopeMissing(`upload more than ${granted} bytes`, grants) }
  }
  return {
    maxSize: own,
    tooLarge: () => new BlobStoreError('PayloadTooLarge', `The blob is larger than ${own} bytes`),
  }
}

function mostOf({ maxSize = unlimited }: BlobGrant): number {
  return maxSize
}

interface TypedBlob {
  /** The type under which it would be stored. */
  mimeType: string
  declared: string | null
  size: number
  /** What its first bytes are. */
  sniff: () => Promise<SniffedHead>
}

/**
 * Refuses a type that the caller does not accept. Both the type under which the blob would be stored and the sniffed
 * one must be accepted: they differ if the store does not sniff (the policy `declared`), and if a record gives the
 * type.
 *
 * @throws `InvalidMimeType` `ScopeMissing`
 */
export async function assertTypeAllowed({ accept, grants }: UploadLimits, blob: TypedBlob): Promise<void> {
  if (accept === undefined && grants === undefined) return
  const { mimeType, size } = blob
  const seen = await typeOfBytes(blob)
  const match = (patterns: readonly string[]) => takes(patterns, mimeType) && takes(patterns, seen)
  const type = seen === null || seen === mimeType ? mimeType : `${seen} as ${mimeType}`
  if (accept !== undefined && !match(accept)) {
    throw new BlobStoreError('InvalidMimeType', `${type} is not accepted here; accepted are ${accept.join(', ')}`)
  }
  if (grants?.some((grant) => size <= mostOf(grant) && match(grant.accept)) === false) {
    throw scopeMissing(`upload ${type} of ${size} bytes`, grants)
  }
}

/** Null for bytes that are neither of their declared type nor of another known one. */
async function typeOfBytes({ sniff, declared }: TypedBlob): Promise<string | null> {
  const seen = await sniff()
  try {
    return effectiveMimeType({ declared, policy: 'sniffed', ...seen })
  } catch (error) {
    if (isBlobStoreError(error, 'InvalidMimeType')) return null
    throw error
  }
}

function takes(patterns: readonly string[], type: string | null): boolean {
  return type === null ? patterns.includes('*/*') : matchesInAnySpelling(type, patterns)
}

function scopeMissing(what: string, grants: readonly BlobGrant[] = []): BlobStoreError {
  const listed = grants.slice(0, 10).map(({ accept, maxSize }) => {
    const types = accept.slice(0, 10).join(', ')
    return maxSize === undefined ? types : `${types} up to ${maxSize} bytes`
  })
  const granted = listed.length === 0 ? 'it has no grant for blobs' : `it was granted ${listed.join('; ')}`
  return new BlobStoreError('ScopeMissing', `The client may not ${what}: ${granted}`)
}
