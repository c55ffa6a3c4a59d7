import type { CallOptions } from '../../backend/backend.ts'

export interface BackupOptions extends CallOptions {
  /** Replaces an existing file, once the new one is complete. @default false */
  overwrite?: boolean | undefined
  /** Called now and then, with the number of pages copied, and of all pages. */
  onProgress?: ((progress: BackupProgress) => void) | undefined
}

export interface BackupProgress {
  pages: number
  of: number
}

export interface BackupReport {
  /** The size of the copy. */
  bytes: number
}

/** For metadata that can copy itself: that in a file of the store's own. */
export interface BackupSteps {
  /**
   * Copies the database as it is at one moment, while others write. The copy gets its name only when it is complete, on
   * stable storage, and `complete` has resolved.
   */
  backup(path: string, options: BackupOptions & { complete: () => Promise<void> }): Promise<BackupReport>
}
