import type {
  AccountQuota,
  BlobStat,
  BlobStoreErrorCode,
  BlobViewer,
  ImportProgress,
  MissingBlob,
  ReadOptions,
} from '../../src/index.ts'
import { day } from '../support/samples.ts'
import type { Content } from './contents.ts'

/** The store refuses, with one of these codes. Which check comes first is not promised. */
export class Refused extends Error {
  readonly codes: readonly BlobStoreErrorCode[]

  constructor(codes: Iterable<BlobStoreErrorCode>) {
    super('refused')
    this.codes = [...codes]
  }
}

export interface Named {
  content: Content
  mimeType: string
  /** Undefined in the legacy form. */
  size: number | undefined
  accept?: readonly string[] | undefined
  maxSize?: number | undefined
}

/** A commit's effect on a record: what it references, or null when it is deleted. */
export interface ModelWrite {
  uri: string
  scope: string
  names: readonly Named[] | null
}

interface Blob {
  mimeType: string
  size: number
  createdAt: number
  /** Only counts while nothing references it. */
  expiresAt: number
}

interface Post {
  rev: string
  scope: string
  names: (Named & { met: boolean; claimed: Claimed })[]
}

/** What an imported record claims of a blob, where it differs from the held one. */
interface Claimed {
  mimeType?: string
  size?: number
}

interface Account {
  blobs: Map<string, Blob>
  posts: Map<string, Post>
  deleted: boolean
}

export const quota = {
  bytes: 1_100_040,
  blobs: 5,
  temporaryBlobs: Number.POSITIVE_INFINITY,
  pendingBytes: 10_000_000,
} satisfies AccountQuota

/** A temporary blob is collected this long after its upload, or after it lost its last reference. */
const grace = day

/**
 * What a host may observe of a store, and nothing else: no keys, no backend, no bytes that two accounts share. It is
 * the contract of `BlobStore` in its shortest form; where the two differ, one of them is wrong.
 */
export class Model {
  readonly #clock: { time: number }
  readonly #accounts = new Map<string, Account>()
  readonly #takedowns = new Set<string>()
  readonly #revs = new Map<string, string[]>()

  constructor(clock: { time: number }) {
    this.#clock = clock
  }

  /** Reasons for which an upload may be refused that is refused anyway. */
  brokenUpload(did: string, code: BlobStoreErrorCode): never {
    throw new Refused(this.#account(did).deleted ? [code, 'AccountDeleted'] : [code])
  }

  /** Resolves with the type of the blob. */
  upload(did: string, content: Content, declared: string | null): string {
    const account = this.#account(did)
    const { cid, bytes } = content
    const waiting = expected(account, cid)
    const type = firstType(waiting) ?? content.sniffed ?? declared ?? octetStream
    const refusals = new Set<BlobStoreErrorCode>()
    const isNamed = waiting.length > 0 || referenced(account).has(cid)
    if (content.sniffed === null && declared === 'image/png' && !isNamed) refusals.add('InvalidMimeType')
    if (account.deleted) refusals.add('AccountDeleted')
    if (this.#isTakenDown(did, cid)) refusals.add('BlobTakenDown')
    if (this.#isOverQuota(account, bytes.byteLength)) refusals.add('QuotaExceeded')
    if (refusals.size > 0) throw new Refused(refusals)

    const held = account.blobs.get(cid)
    const blob = held ?? { mimeType: type, size: bytes.byteLength, createdAt: this.#clock.time, expiresAt: 0 }
    blob.expiresAt = this.#clock.time + grace
    if (declared !== null && !referenced(account).has(cid)) blob.mimeType = type
    account.blobs.set(cid, blob)
    for (const named of allNames(account)) if (named.content.cid === cid && !named.met) meet(named, blob)
    return blob.mimeType
  }

  /** Whether `write` would be refused. */
  check(did: string, writes: readonly ModelWrite[], missing: 'reject' | 'expect'): void {
    const names = last(writes).flatMap(({ uri, names }) => (names ?? []).map((named) => ({ uri, named })))
    const refusals = new Set<BlobStoreErrorCode>(this.#account(did).deleted ? ['AccountDeleted'] : [])
    if (missing === 'reject')
      for (const { uri, named } of names) for (const code of this.#faults(did, uri, named)) refusals.add(code)
    if (refusals.size > 0) throw new Refused(refusals)
  }

  /** Resolves with the CIDs that lost their last public reference. */
  write(did: string, writes: readonly ModelWrite[], missing: 'reject' | 'expect', rev: string): string[] {
    this.check(did, writes, missing)
    const account = this.#account(did)
    const before = referenced(account)
    const shown = referenced(account, [])
    if (missing === 'expect') nameTypes(account, last(writes), before)
    for (const { uri, scope, names } of last(writes)) {
      const former = account.posts.get(uri)
      if (names === null) account.posts.delete(uri)
      else {
        const met = names.map((named) => {
          const found = { ...named, met: false, claimed: {} }
          const blob = account.blobs.get(named.content.cid)
          if (blob) meet(found, blob)
          if (blob && missing === 'reject') found.claimed = fits(named, blob) ? {} : claimedBy(former, named)
          return found
        })
        account.posts.set(uri, { rev, scope, names: met })
      }
    }
    const after = referenced(account)
    const lost = [...before].filter((cid) => !after.has(cid))
    for (const cid of lost) (account.blobs.get(cid) as Blob).expiresAt = this.#clock.time + grace
    this.#revs.set(did, [rev, ...(this.#revs.get(did) ?? [])])
    const stillShown = referenced(account, [])
    return [...shown].filter((cid) => !stillShown.has(cid)).sort()
  }

  stat(did: string, cid: string, as: BlobViewer, scopes: readonly string[]): BlobStat | null {
    const account = this.#account(did)
    const stat = this.#stat(did, account, cid)
    if (!stat || as === 'moderator') return stat
    if (stat.takenDown) return null
    return as === 'account' || referenced(account, scopes).has(cid) ? stat : null
  }

  read(did: string, content: Content, { as, scopes, range }: ReadOptions): object {
    const stat = this.stat(did, content.cid, as ?? 'public', scopes ?? [])
    if (!stat) throw new Refused(['BlobNotFound'])
    const asked = typeof range === 'function' ? range(stat.size) : range
    if (!asked) return { ...stat, bytes: Buffer.from(content.bytes) }
    const { start } = asked
    const end = Math.min(asked.end, stat.size - 1)
    if (start > end) throw new Refused(['InvalidRange'])
    return { ...stat, range: { start, end }, bytes: Buffer.from(content.bytes.subarray(start, end + 1)) }
  }

  list(did: string, { scopes, since = '' }: { scopes: readonly string[]; since?: string | undefined }): string[] {
    const cids = [...referenced(this.#account(did), scopes, since)]
    return cids.filter((cid) => !this.#isTakenDown(did, cid)).sort()
  }

  listOwn(did: string): BlobStat[] {
    const account = this.#account(did)
    const stats = [...account.blobs.keys()].map((cid) => this.#stat(did, account, cid) as BlobStat)
    return stats.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.cid < b.cid ? 1 : -1))
  }

  listMissing(did: string): MissingBlob[] {
    const missing = [...this.#account(did).posts].flatMap(([recordUri, { names }]) =>
      names
        .filter(({ met, content }) => !met && !this.#isTakenDown(did, content.cid))
        .map(({ content }) => ({ cid: content.cid, recordUri })),
    )
    return missing.sort((a, b) => (`${a.cid} ${a.recordUri}` < `${b.cid} ${b.recordUri}` ? -1 : 1))
  }

  counts(did: string): ImportProgress {
    const account = this.#account(did)
    const named = [...new Set(allNames(account).map(({ content }) => content.cid))]
    return { expected: named.length, imported: named.filter((cid) => account.blobs.has(cid)).length }
  }

  recordsFor(did: string, cid: string): string[] {
    const names = ({ names }: Post) => names.some(({ content, met }) => met && content.cid === cid)
    const posts = [...this.#account(did).posts].filter(([, post]) => names(post))
    return posts.map(([uri]) => uri).sort()
  }

  usage(did: string): { bytes: number; count: number; reserved: number } {
    const blobs = [...this.#account(did).blobs.values()]
    return { bytes: bytesOf(blobs), count: blobs.length, reserved: 0 }
  }

  takedown(did: string, cid: string): void {
    this.#takedowns.add(`${did} ${cid}`)
  }

  reverseTakedown(did: string, cid: string): void {
    this.#takedowns.delete(`${did} ${cid}`)
  }

  /** A takedown after which the accounts have no such blob, and their records wait for it. */
  purge(did: string, cid: string): void {
    this.takedown(did, cid)
    const accounts = did === '*' ? [...this.#accounts.values()] : [this.#account(did)]
    for (const account of accounts) {
      account.blobs.delete(cid)
      for (const named of allNames(account)) {
        if (named.content.cid === cid) Object.assign(named, { met: false, claimed: {} })
      }
    }
  }

  deleteAccount(did: string): void {
    this.#accounts.set(did, { blobs: new Map(), posts: new Map(), deleted: true })
  }

  reopenAccount(did: string): void {
    this.#account(did).deleted = false
  }

  /** Resolves with the number of deleted blobs. */
  collect(): number {
    let collected = 0
    for (const account of this.#accounts.values()) {
      const kept = referenced(account)
      const expired = [...account.blobs].filter(([cid, blob]) => blob.expiresAt <= this.#clock.time && !kept.has(cid))
      for (const [cid] of expired) account.blobs.delete(cid)
      collected += expired.length
    }
    return collected
  }

  /** The revision of the account's commit so many commits ago. */
  revOf(did: string, ago: number): string | undefined {
    return this.#revs.get(did)?.[ago]
  }

  /** The type with which a record would reference the blob correctly. */
  typeOf(did: string, content: Content): string {
    return this.#account(did).blobs.get(content.cid)?.mimeType ?? content.sniffed ?? 'text/plain'
  }

  #account(did: string): Account {
    const account = this.#accounts.get(did) ?? { blobs: new Map(), posts: new Map(), deleted: false }
    this.#accounts.set(did, account)
    return account
  }

  #stat(did: string, account: Account, cid: string): BlobStat | null {
    const blob = account.blobs.get(cid)
    if (!blob) return null
    const { mimeType, size, createdAt } = blob
    return {
      ...{ cid, mimeType, size, createdAt: new Date(createdAt) },
      referenced: referenced(account).has(cid),
      takenDown: this.#isTakenDown(did, cid),
    }
  }

  #isTakenDown(did: string, cid: string): boolean {
    return this.#takedowns.has(`${did} ${cid}`) || this.#takedowns.has(`* ${cid}`)
  }

  #isOverQuota(account: Account, more: number): boolean {
    const { size } = account.blobs
    const temporary = size - referenced(account).size
    const bytes = bytesOf([...account.blobs.values()]) + more
    return bytes > quota.bytes || size + 1 > quota.blobs || temporary + 1 > quota.temporaryBlobs
  }

  #faults(did: string, uri: string, named: Named): BlobStoreErrorCode[] {
    const { content, mimeType, size, accept, maxSize } = named
    const account = this.#account(did)
    const blob = account.blobs.get(content.cid)
    const faults: BlobStoreErrorCode[] = this.#isTakenDown(did, content.cid) ? ['BlobTakenDown'] : []
    if (size === undefined) faults.push('InvalidBlobRef')
    if (!blob) return [...faults, 'BlobNotFound']
    const said = { ...blob, ...claimedBy(account.posts.get(uri), named) }
    const isKnown = fits(named, blob) || fits(named, said)
    const isAccepted = !accept || accept.includes(blob.mimeType) || accept.includes(mimeType)
    if ((mimeType !== blob.mimeType && !isKnown) || !isAccepted) faults.push('InvalidMimeType')
    if (size !== undefined && size !== blob.size && !isKnown) faults.push('InvalidSize')
    if (maxSize !== undefined && blob.size > maxSize) faults.push('PayloadTooLarge')
    return faults
  }
}

/** Only the last write to each record counts. */
const last = (writes: readonly ModelWrite[]) => [...new Map(writes.map((write) => [write.uri, write])).values()]

const allNames = (account: Account) => [...account.posts.values()].flatMap(({ names }) => names)

const bytesOf = (blobs: readonly Blob[]): number => blobs.reduce((sum, { size }) => sum + size, 0)

const octetStream = 'application/octet-stream'

/** Types that say nothing about the bytes are omitted. */
const firstType = (names: readonly Named[]): string | undefined =>
  names.map(({ mimeType }) => mimeType).find((mimeType) => mimeType !== octetStream)

/** The references by which records wait for the blob, the first revision first. */
function expected(account: Account, cid: string): Named[] {
  const posts = [...account.posts].sort(([a, one], [b, other]) => (`${one.rev} ${a}` < `${other.rev} ${b}` ? -1 : 1))
  return posts.flatMap(([, { names }]) => names.filter(({ met, content }) => !met && content.cid === cid))
}

/** The CID proves the bytes, whatever the record claims. */
function meet(named: Named & { met: boolean; claimed: Claimed }, blob: Blob): void {
  named.met = true
  const { mimeType, size } = named
  named.claimed = {
    ...(mimeType !== blob.mimeType && { mimeType }),
    ...(size !== undefined && size !== blob.size && { size }),
  }
}

/** What imported records claim of blobs that no record references yet becomes their type. */
function nameTypes(account: Account, writes: readonly ModelWrite[], referenced: ReadonlySet<string>): void {
  const names = writes.flatMap((write) => write.names ?? [])
  for (const [cid, blob] of account.blobs) {
    if (!referenced.has(cid))
      blob.mimeType = firstType(names.filter(({ content }) => content.cid === cid)) ?? blob.mimeType
  }
}

const claimedBy = (post: Post | undefined, { content }: Named): Claimed =>
  post?.names.find((one) => one.met && one.content.cid === content.cid)?.claimed ?? {}

function fits({ mimeType, size }: Named, blob: { mimeType: string; size: number }): boolean {
  return mimeType === blob.mimeType && (size ?? blob.size) === blob.size
}

/** The CIDs that records reference: those of any scope, or those visible by these scopes and `public`. */
function referenced(account: Account, scopes?: readonly string[], since = ''): Set<string> {
  const visible = [...account.posts.values()].filter(
    ({ scope, rev }) => rev > since && (!scopes || scope === 'public' || scopes.includes(scope)),
  )
  return new Set(visible.flatMap(({ names }) => names.filter(({ met }) => met).map(({ content }) => content.cid)))
}
