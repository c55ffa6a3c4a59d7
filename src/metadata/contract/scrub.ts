import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { AccountUsage, StoreStats } from '../types.ts'

/** How stored bytes are verified, copied and counted. */
export interface ScrubSteps {
  /**
   * A page of the live content, ordered by CID: all of it, or what was not verified within `olderThan` milliseconds.
   */
  contents(page: { after: BlobCid | ''; limit: number; olderThan?: number }): Promise<Content[]>
  /** The live content of a CID. */
  contentOf(cid: BlobCid): Promise<Content | null>
  /** Records that the bytes under this key are good. */
  markVerified(cid: BlobCid, key: BlobKey): Promise<void>
  /**
   * Records that the bytes under this key are damaged or missing. Resolves with whether this still is the content's
   * key; then the next upload of the CID replaces it.
   */
  markDamaged(cid: BlobCid, key: BlobKey): Promise<boolean>
  /**
   * Creates the row before the bytes for a copy that will replace the content's bytes. No account uploads it.
   *
   * @throws `BlobTakenDown` if the CID is purged for all: it must not be copied
   */
  intendCopy(copy: { key: BlobKey; backend: string; cid: BlobCid; lease: number }): Promise<void>
  /**
   * After the copy was stored: makes it the content's bytes if these are still those of `old`, and dooms the old ones;
   * otherwise dooms the copy. Resolves with whether it did.
   */
  replaceContent(copy: { old: Content; key: BlobKey; backend: string; deleteDelay: number }): Promise<boolean>
  /** Where bytes of the CID wait for their deletion: they may still be there. At most 1000. */
  doomedCopies(cid: BlobCid): Promise<Pick<Content, 'key' | 'backend'>[]>
  /**
   * The copy failed, in the mirror too: removes its row, and dooms its key, because there may be bytes. Does nothing if the
   * row is gone. Need not be durable: the row's lease ends anyway.
   */
  endCopy(copy: { key: BlobKey; unusedDelay: number }): Promise<void>
  /** A page of the accounts, ordered by DID. */
  accounts(page: { after: string; limit: number }): Promise<string[]>
  /** Counts what the account has, and corrects its row. Resolves with what the row said and what was counted. */
  recount(did: string): Promise<{ said: AccountUsage; counted: AccountUsage }>
  /** What all accounts have, and what is stored. Reads every account's row. */
  stats(): Promise<StoreStats>
}

export interface Content {
  cid: BlobCid
  key: BlobKey
  backend: string
  size: number
}
