import type { BlobKey } from '../../backend/key.ts'
import type { Content } from './scrub.ts'

/** How the bytes that a restored database has forgotten are given back. */
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
