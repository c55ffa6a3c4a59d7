import type { CallOptions } from '../../backend/backend.ts'

export interface BackupOptions extends CallOptions {
  /** Replaces a file that is there, once the new one is whole. @default false */
  overwrite?: boolean | undefined
  /** Called now and then, with the pages of the database that are copied, and how many it has. */
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

/** For metadata that can copy themselves, those in a file of the store's own. */
export interface BackupSteps {
  /**
   * Copies the database as it is at one moment, while others write. The copy has its name only when it is whole, on stable
   * storage, and `complete` has resolved.
   */
  backup(path: string, options: BackupOptions & { complete: () => Promise<void> }): Promise<BackupReport>
}
