import type { BlobKey } from '../backend/key.ts'
import type { BlobCid } from '../blob/cid.ts'
import type { Totals, Usage } from './facts.ts'

// The part of the metadata's contract by which a store is looked after: what scrubbing and recovering do, as steps.

export interface ScrubSteps {
  /** A page of the live content, ordered by CID: all of it, or what was not verified within `olderThan` milliseconds. */
  contents(page: { after: BlobCid | ''; limit: number; olderThan?: number }): Promise<Content[]>
  /** The live content of a CID. */
  contentOf(cid: BlobCid): Promise<Content | null>
  /** The bytes under this key are good. */
  markVerified(cid: BlobCid, key: BlobKey): Promise<void>
  /**
   * The bytes under this key are not the content's. Resolves with whether it still is the content's key; then the next
   * upload of the CID replaces it.
   */
  markDamaged(cid: BlobCid, key: BlobKey): Promise<boolean>
  /** The row before bytes that no account uploads: a copy that will replace the content's. */
  intendCopy(copy: { key: BlobKey; backend: string; cid: BlobCid; lease: number }): Promise<void>
  /**
   * The copy is stored: makes it the content's bytes if these still are those of `old`, and dooms them; else dooms the
   * copy. Resolves with whether it did.
   */
  replaceContent(copy: { old: Content; key: BlobKey; backend: string; deleteDelay: number }): Promise<boolean>
  /** A page of the accounts, ordered by DID. */
  accounts(page: { after: string; limit: number }): Promise<string[]>
  /** Counts what the account has, and corrects its row. Resolves with what the row said and what there is. */
  recount(did: string): Promise<{ said: Usage; counted: Usage }>
  /** What all accounts have, and what is stored. Reads every account's row. */
  totals(): Promise<Totals>
}

export interface Content {
  cid: BlobCid
  key: BlobKey
  backend: string
  size: number
}

export interface RecoverSteps {
  /**
   * Of the keys as listed: those in no table, those that are some content's, and those that are doomed. Looked up in one
   * statement.
   */
  recoverableKeys(keys: readonly BlobKey[]): Promise<{ unknown: BlobKey[]; live: BlobKey[]; doomed: BlobKey[] }>
  /**
   * Gives the account the CID, as a temporary blob; at once permanent where its records wait for it. The bytes are those
   * under `content.key`, which is the content's; or that of a copy announced by `intendCopy`, which takes the place of the content's
   * older ones. Of the records that wait for it some reference it from here on, and `meetExpectations` goes on.
   */
  adopt(found: {
    content: Content
    did: string
    mimeType: string
    grace: number
    deleteDelay: number
  }): Promise<Adoption>
  /** Collecting and sweeping are allowed again, from this epoch on. */
  clearRestored(epoch: number): Promise<void>
}

/**
 * What became of it. `refused`: the account is deleted, or the bytes are no longer the content's. What is taken down for anybody is
 * given to nobody.
 */
export type Adoption = 'adopted' | 'held' | 'taken down' | 'refused'
