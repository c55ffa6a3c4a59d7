import type {
  AccountQuota,
  BlobStat,
  BlobStoreErrorCode,
  BlobViewer,
  ImportProgress,
  MissingBlob,
  ReadOptions,
  TakedownReversal,
} from '../../src/index.ts'
import { day, friends, work } from '../support/samples.ts'
import {
  type Account,
  allNames,
  type Blob,
  bytesOf,
  claimedBy,
  expected,
  firstType,
  fits,
  last,
  type ModelWrite,
  meet,
  type Named,
  nameTypes,
  octetStream,
  type Post,
  referenced,
} from './account.ts'
import type { Content } from './contents.ts'

/** The store refuses, with one of these codes. Which check comes first is not promised. */
export class Refused extends Error {
  readonly codes: readonly BlobStoreErrorCode[]

  constructor(codes: Iterable<BlobStoreErrorCode>) {
    super('refused')
    this.codes = [...codes]
  }
}

/** The revision of a commit: that of the public repository, and those of spaces that have another. */
export type Revs = { public: string } & Record<string, string>

export interface Hidden {
  hidden: string[]
  hiddenInSpaces: { space: string; cid: string }[]
}

export const spaces: readonly string[] = [friends, work]

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
    const refuted = content.sniffed === null && declared === 'image/png'
    const type = firstType(waiting) ?? content.sniffed ?? (refuted ? null : declared) ?? octetStream
    const refusals = new Set<BlobStoreErrorCode>()
    const isNamed = waiting.length > 0 || referenced(account).has(cid)
    if (refuted && !isNamed) refusals.add('InvalidMimeType')
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

  /** Resolves with what lost its last reference in a scope. */
  write(did: string, writes: readonly ModelWrite[], missing: 'reject' | 'expect', revs: Revs): Hidden {
    this.check(did, writes, missing)
    const account = this.#account(did)
    const before = referenced(account)
    const shown = shownIn(account)
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
        account.posts.set(uri, { rev: revs[scope] ?? revs.public, scope, names: met })
      }
    }
    this.#letGo(account, before)
    for (const scope of ['public', ...spaces]) {
      const name = `${did} ${scope}`
      this.#revs.set(name, [revs[scope] ?? revs.public, ...(this.#revs.get(name) ?? [])])
    }
    const still = shownIn(account)
    return {
      hidden: shown.filter((one) => one.space === 'public' && !isIn(still, one)).map(({ cid }) => cid),
      hiddenInSpaces: shown.filter((one) => one.space !== 'public' && !isIn(still, one)),
    }
  }

  /** Resolves with the number of references that are no more. */
  dropSpace(did: string, space: string): number {
    const account = this.#account(did)
    const before = referenced(account)
    const posts = [...account.posts].filter(([, { scope }]) => scope === space)
    for (const [uri] of posts) account.posts.delete(uri)
    this.#letGo(account, before)
    return posts.reduce((sum, [, { names }]) => sum + names.length, 0)
  }

  stat(did: string, cid: string, as: BlobViewer, space: string | undefined): BlobStat | null {
    const account = this.#account(did)
    const stat = this.#stat(did, account, cid)
    const scope = space ?? (as === 'public' ? 'public' : undefined)
    if (!stat || (scope !== undefined && !referenced(account, scope).has(cid))) return null
    return stat.takenDown && as !== 'moderator' ? null : stat
  }

  read(did: string, content: Content, { as, space, range }: ReadOptions): object {
    const stat = this.stat(did, content.cid, as ?? 'public', space)
    if (!stat) throw new Refused(['BlobNotFound'])
    const asked = typeof range === 'function' ? range(stat.size) : range
    if (!asked) return { ...stat, bytes: Buffer.from(content.bytes) }
    const { start } = asked
    const end = Math.min(asked.end, stat.size - 1)
    if (start > end) throw new Refused(['InvalidRange'])
    return { ...stat, range: { start, end }, bytes: Buffer.from(content.bytes.subarray(start, end + 1)) }
  }

  list(did: string, { scope, since = '' }: { scope: string; since?: string | undefined }): string[] {
    const cids = [...referenced(this.#account(did), scope, since)]
    return cids.filter((cid) => !this.#isTakenDown(did, cid)).sort()
  }

  listOwn(did: string): BlobStat[] {
    const account = this.#account(did)
    const stats = [...account.blobs.keys()].map((cid) => this.#stat(did, account, cid) as BlobStat)
    return stats.sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.cid < b.cid ? 1 : -1))
  }

  listMissing(did: string, only?: string): MissingBlob[] {
    const posts = [...this.#account(did).posts].filter(([, { scope }]) => only === undefined || scope === only)
    const missing = posts.flatMap(([recordUri, { names }]) =>
      names
        .filter(({ met, content }) => !met && !this.#isTakenDown(did, content.cid))
        .map(({ content }) => ({ cid: content.cid, recordUri })),
    )
    return missing.sort((a, b) => (`${a.cid} ${a.recordUri}` < `${b.cid} ${b.recordUri}` ? -1 : 1))
  }

  counts(did: string, only?: string): ImportProgress {
    const account = this.#account(did)
    const posts = [...account.posts.values()].filter(({ scope }) => only === undefined || scope === only)
    const named = [...new Set(posts.flatMap(({ names }) => names).map(({ content }) => content.cid))]
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

  reverseTakedown(did: string, cid: string): TakedownReversal {
    const reversed = this.#takedowns.delete(`${did} ${cid}`)
    const others =
      did === '*' ? [...this.#takedowns].some((one) => one.endsWith(` ${cid}`)) : this.#takedowns.has(`* ${cid}`)
    return { reversed, stillTakenDown: others }
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

  /** The revision of the account's commit to a repository so many commits ago. */
  revOf(did: string, scope: string, ago: number): string | undefined {
    return this.#revs.get(`${did} ${scope}`)?.[ago]
  }

  /** The type with which a record would reference the blob correctly. */
  typeOf(did: string, content: Content): string {
    return this.#account(did).blobs.get(content.cid)?.mimeType ?? content.sniffed ?? 'text/plain'
  }

  /** What was referenced, and is no more, is temporary from here on. */
  #letGo(account: Account, before: ReadonlySet<string>): void {
    const after = referenced(account)
    const lost = [...before].filter((cid) => !after.has(cid))
    for (const cid of lost) (account.blobs.get(cid) as Blob).expiresAt = this.#clock.time + grace
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

/** Which scope shows which blob, in order. */
const shownIn = (account: Account): { space: string; cid: string }[] =>
  ['public', ...spaces].flatMap((space) => [...referenced(account, space)].sort().map((cid) => ({ space, cid })))

const isIn = (shown: ReturnType<typeof shownIn>, { space, cid }: { space: string; cid: string }): boolean =>
  shown.some((one) => one.space === space && one.cid === cid)
