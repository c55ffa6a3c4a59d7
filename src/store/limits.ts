import { assertAcceptPatterns, defaultAccept } from '../blob/mime.ts'
import type { MimePolicy } from '../blob/mime-policy.ts'
import { BlobStoreError } from '../errors.ts'
import type { SharedTimes } from '../metadata/shared-times.ts'
import type { AccountQuota, ResolvedQuota } from '../metadata/types.ts'
import { assertDelay, assertOneOf, assertOptions, assertWhole } from '../options.ts'

/** Which uploads are accepted. */
export interface BlobStoreLimits {
  /** In bytes, inclusive; at most 2 ** 40, a TiB. @default 5_242_880 (5 MiB, as in the reference PDS) */
  maxBlobSize?: number | undefined
  /**
   * Patterns that the effective type must match: a type, a top-level type with a star for the rest, or two stars.
   * @default {@link defaultAccept}
   */
  accept?: readonly string[] | undefined
  /** How the effective type follows from the declared and the sniffed one. @default 'sniffed' */
  mimePolicy?: MimePolicy | undefined
  /** Whether an empty blob is accepted; the specification allows it. @default true */
  allowEmpty?: boolean | undefined
  /** What one account may have. @default unlimited */
  quota?: QuotaOption | undefined
  /**
   * How many uploads this process receives at once, and the least rate that each must send, in bytes a second over a
   * minute; 0 for no least rate. When all slots are taken, an account with more slots than another gives one up to it.
   * `resumable` is how many unfinished resumable uploads an account may have, over all processes.
   * @default { account: 64, total: 256, minRate: 1024, resumable: 16 }
   */
  uploads?:
    | {
        account?: number | undefined
        total?: number | undefined
        minRate?: number | undefined
        resumable?: number | undefined
      }
    | undefined
}

/**
 * Durations, in milliseconds. `grace`, `deleteDelay`, `takedownHold`, `upload` and `lease` decide when something is
 * deleted. For `deleteDelay`, `takedownHold` and `lease`, the longest value counts that any open process of the store
 * was given; `grace` and `upload` apply to a process's own uploads. A process that was not given one of the five, such
 * as a tool beside the host, uses the last value that the store had.
 */
export interface BlobStoreTimes {
  /** How long a temporary blob lives. The specification requires at least one hour. @default 86_400_000 (24 h) */
  grace?: number | undefined
  /**
   * How long bytes outlive the row that named them. Must be longer than the age of the oldest database backup that may
   * be restored, and than the slowest read takes from its query to opening its bytes. The default fits a backup each
   * day of which the newest is restored. @default 172_800_000 (48 h)
   */
  deleteDelay?: number | undefined
  /**
   * How long a blob stays for moderators after it was first taken down, even if its author deletes the record or the
   * account is deleted. Counted from the takedown: nothing that the author does makes it shorter or longer.
   * `reverseTakedown` ends it. 0 for none: then it is deleted like everything that no record references. @default 0
   */
  takedownHold?: number | undefined
  /**
   * The longest duration of an upload, in addition to the time that its bytes need at 1 Mbit/s: a faster upload is
   * never ended by it.
   * @default 1_800_000 (30 min)
   */
  upload?: number | undefined
  /** The longest silence of an upload or of a reader. @default 30_000 */
  idle?: number | undefined
  /** The longest duration of the hook `inspect`. @default 60_000 */
  inspect?: number | undefined
  /**
   * When an unfinished upload counts as dead, in addition to the time that its bytes need at 1 Mbit/s. Must be longer
   * than `upload` and `inspect` together. @default 3_600_000 (1 h)
   */
  lease?: number | undefined
  /** How long a resumable upload may take, from its beginning; at most a day. @default 86_400_000 (24 h) */
  resumable?: number | undefined
  /** How long bytes count as good after they were written or verified. @default 86_400_000 (24 h) */
  fresh?: number | undefined
}

export type ResolvedLimits = {
  readonly [K in Exclude<keyof BlobStoreLimits, 'uploads'>]-?: NonNullable<BlobStoreLimits[K]>
} & { readonly uploads: Readonly<Record<'account' | 'total' | 'minRate' | 'resumable', number>> }
export type ResolvedTimes = { readonly [K in keyof BlobStoreTimes]-?: NonNullable<BlobStoreTimes[K]> }

const mimePolicies: readonly MimePolicy[] = ['sniffed', 'agree', 'declared']

/** A TiB. JavaScript can still add exactly what thousands of concurrent uploads of that size reserve. */
export const largestBlob: number = 2 ** 40

/** More bytes than any blob has. */
export const unlimited: number = Number.POSITIVE_INFINITY

/** For a host that enforces its own limits. A declared type is stored; otherwise the bytes are sniffed. */
export const noLimits: ResolvedLimits = Object.freeze({
  maxBlobSize: unlimited,
  accept: Object.freeze(['*/*']),
  mimePolicy: 'sniffed',
  allowEmpty: true,
  quota: {},
  uploads: Object.freeze({ account: unlimited, total: unlimited, minRate: 0, resumable: unlimited }),
})

const minute = 60_000
const hour = 60 * minute

const defaultTimes: ResolvedTimes = {
  grace: 24 * hour,
  deleteDelay: 48 * hour,
  takedownHold: 0,
  upload: 30 * minute,
  idle: minute / 2,
  inspect: minute,
  lease: hour,
  resumable: 24 * hour,
  fresh: 24 * hour,
}

/** @throws `InvalidArgument` */
export function resolveLimits(limits: BlobStoreLimits = {}): ResolvedLimits {
  assertOptions('limits', limits, ['maxBlobSize', 'accept', 'mimePolicy', 'allowEmpty', 'quota', 'uploads'])
  const { maxBlobSize = 5 * 1024 * 1024, accept = defaultAccept, mimePolicy = 'sniffed', allowEmpty = true } = limits
  const { quota = {}, uploads = {} } = limits
  assertWhole('limits.maxBlobSize', maxBlobSize, 1)
  if (maxBlobSize > largestBlob) {
    throw new BlobStoreError('InvalidArgument', `limits.maxBlobSize: at most ${largestBlob} bytes (a TiB)`)
  }
  assertAcceptPatterns(accept)
  assertOneOf('limits.mimePolicy', mimePolicy, mimePolicies)
  if (typeof quota !== 'function') resolveQuota(quota)
  assertOptions('limits.uploads', uploads, ['account', 'total', 'minRate', 'resumable'])
  const { account = 64, total = 256, minRate = 1024, resumable = 16 } = uploads
  assertWhole('limits.uploads.account', account, 1)
  assertWhole('limits.uploads.total', total, 1)
  assertWhole('limits.uploads.minRate', minRate, 0)
  assertWhole('limits.uploads.resumable', resumable, 0)
  return Object.freeze({
    maxBlobSize,
    accept: Object.freeze([...accept]),
    mimePolicy,
    allowEmpty,
    quota,
    uploads: Object.freeze({ account, total, minRate, resumable }),
  })
}

const timers: readonly string[] = ['upload', 'idle', 'inspect'] satisfies (keyof BlobStoreTimes)[]

/** @throws `InvalidArgument` */
export function resolveTimes(times: BlobStoreTimes = {}): ResolvedTimes {
  const names = Object.keys(defaultTimes) as (keyof BlobStoreTimes)[]
  assertOptions('times', times, names)
  const given = Object.entries(times).filter(([, value]) => value !== undefined)
  for (const [name, value] of given) {
    if (timers.includes(name)) assertDelay(`times.${name}`, value, 1)
    else assertWhole(`times.${name}`, value, 0)
  }
  const resolved: ResolvedTimes = { ...defaultTimes, ...Object.fromEntries(given) }
  if (resolved.resumable > 24 * hour) {
    throw new BlobStoreError('InvalidArgument', 'times.resumable: at most 86400000 milliseconds (a day)')
  }
  if (resolved.lease <= resolved.upload + resolved.inspect) {
    throw new BlobStoreError(
      'InvalidArgument',
      'times.lease must be longer than times.upload and times.inspect together, or running uploads are collected',
    )
  }
  return Object.freeze(resolved)
}

/** The same for every account, or a function that is called for the account at every upload. */
export type QuotaOption = AccountQuota | ((did: string) => AccountQuota | Promise<AccountQuota>)

/**
 * What an account may have by the store's quota, and by one that narrows it.
 *
 * @throws `InvalidArgument`
 */
export async function quotaOf(option: QuotaOption, did: string, narrower: AccountQuota = {}): Promise<ResolvedQuota> {
  const [most, own] = [resolveQuota(typeof option === 'function' ? await option(did) : option), resolveQuota(narrower)]
  return {
    bytes: Math.min(most.bytes, own.bytes),
    blobs: Math.min(most.blobs, own.blobs),
    temporaryBlobs: Math.min(most.temporaryBlobs, own.temporaryBlobs),
    pendingBytes: Math.min(most.pendingBytes, own.pendingBytes),
  }
}

/** @throws `InvalidArgument` */
export function resolveQuota(quota: AccountQuota, what = 'limits.quota'): ResolvedQuota {
  assertOptions(what, quota, ['bytes', 'blobs', 'temporaryBlobs', 'pendingBytes'])
  const unlimited = Number.POSITIVE_INFINITY
  const { bytes = unlimited, blobs = unlimited, temporaryBlobs = unlimited, pendingBytes = bytes } = quota
  const resolved = { bytes, blobs, temporaryBlobs, pendingBytes }
  for (const [name, value] of Object.entries(resolved)) {
    if (value !== unlimited) assertWhole(`${what}.${name}`, value, 0)
  }
  return resolved
}

/**
 * The times that apply to a process, from what it was given, its defaults, and what the store has agreed on. How long
 * its own uploads may take, and stay without a record, is its own choice if it was given; but uploads of others must
 * not be taken for dead.
 */
export function timesInForce(own: ResolvedTimes, given: SharedTimes, agreed: SharedTimes): ResolvedTimes {
  const upload = given.upload ?? agreed.upload ?? own.upload
  return Object.freeze({
    ...own,
    grace: given.grace ?? agreed.grace ?? own.grace,
    deleteDelay: agreed.deleteDelay ?? own.deleteDelay,
    takedownHold: agreed.takedownHold ?? own.takedownHold,
    upload,
    lease: Math.max(own.lease, agreed.lease ?? 0, upload + own.inspect + 1),
  })
}
