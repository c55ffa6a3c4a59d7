import type { BlobKey } from '../../backend/key.ts'
import type { Content } from './scrub.ts'

/** How accounts get back bytes that a restored database has forgotten. */
export interface RecoverSteps {
  /**
   * Of the listed keys: those in no table, those of some content, and those that are doomed. Looked up in one
   * statement.
   */
  recoverableKeys(keys: readonly BlobKey[]): Promise<{ unknown: BlobKey[]; live: BlobKey[]; doomed: BlobKey[] }>
  /**
   * Gives the account the CID as a temporary blob, or as a permanent one if its records wait for it. The bytes are
   * those under `content.key`: the key of the content, or of a copy announced by `intendCopy`, which replaces the
   * content's older bytes. Some of the waiting records reference the blob from here on; `meetExpectations` continues
   * with the rest.
   */
  adopt(found: {
    content: Content
    did: string
    mimeType: string
    grace: number
    deleteDelay: number
    /** The reason to quarantine the blob, as for the commit of an upload. @default no quarantine */
    quarantine?: string | undefined
  }): Promise<Adoption>
  /** Allows collecting and sweeping again, from this epoch on. */
  clearRestored(epoch: number): Promise<void>
}

/**
 * The result. `refused`: the account is deleted, or the bytes are no longer the content's. What is taken down for any
 * account is given to none.
 */
export type Adoption = 'adopted' | 'held' | 'taken down' | 'refused'
