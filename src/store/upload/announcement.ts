import type { BlobKey } from '../../backend/key.ts'
import type { Entry } from '../../metadata/contract/processes.ts'
import type { Admission, Commit, CommitOutcome } from '../../metadata/contract/uploads.ts'

/**
 * What in the database knows an upload's bytes, from before they are stored until its commit. For one key at a time; what
 * fails is given up, and may begin again under another.
 */
export interface Announcement extends Disposable {
  /** The part of the key that makes it unique. */
  readonly generation: string
  /** What the commit proves; null for the upload's own row. */
  readonly entry: Entry | null
  /** Whether a put that may have failed may be repeated under another key. */
  readonly mayRepeat: boolean
  /** To be called before bytes are stored under the key. */
  announce(key: BlobKey, upload: Admission): Promise<void>
  /** The backend has acknowledged the bytes. */
  stored(): void
  commit(upload: Commit): Promise<CommitOutcome>
  /** Whether, after a commit that failed, the bytes may be stored again under another key. Then the former is given up. */
  canGoOn(error: unknown): Promise<boolean>
  /** Leaves nothing behind: ends the row, and dooms what may be stored. Does nothing if there is nothing. */
  giveUp(): Promise<void>
  /** Another generation, after the former key was given up. */
  beginAgain(): void
}
