import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BlobBackend,
  type BlobStore,
  createBlobStore,
  DiskBackend,
  type MetadataAdapter,
  sqliteMetadata,
} from '../../../src/index.ts'
import type { BlobStoreTimes } from '../../../src/store/limits.ts'

/**
 * So short that collecting races with uploads, references and reads. Only the lease is long compared with an upload: if
 * it ended during a slow `put`, the protocol would leave bytes to the sweep, which the checker would take for a broken
 * rule.
 */
export const hasty: BlobStoreTimes = {
  ...{ grace: 30, deleteDelay: 20, fresh: 200 },
  ...{ upload: 1000, idle: 1000, inspect: 100, lease: 4000 },
}

/** Where one store and the journals of its processes are. */
export class Place {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Removed with the process, unless that is killed. */
  static temporary(prefix = 'pds-blobstore-crash-'): Place {
    const place = new Place(mkdtempSync(join(tmpdir(), prefix)))
    process.once('exit', () => place.remove())
    return place
  }

  get root(): string {
    return join(this.folder, 'store', 'blobs')
  }

  get database(): string {
    return join(this.folder, 'store', 'blobs.sqlite')
  }

  /** With compiled code, processes start in half the time. */
  get compileCache(): string {
    return join(this.folder, 'compiled')
  }

  journal(name: string): string {
    return join(this.folder, 'store', `${name}.jsonl`)
  }

  /** Nothing is there yet: neither tables nor directories. */
  clear(): void {
    rmSync(join(this.folder, 'store'), { recursive: true, force: true })
    mkdirSync(join(this.folder, 'store'))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  backend(): BlobBackend {
    return new DiskBackend({ root: this.root })
  }

  metadata(now?: () => number): MetadataAdapter {
    return sqliteMetadata(this.database, { now })
  }

  store(times: BlobStoreTimes, backend = this.backend(), metadata = this.metadata()): BlobStore {
    return createBlobStore({
      janitor: false,
      backend,
      metadata,
      times,
      limits: { accept: ['*/*'], mimePolicy: 'declared' },
    })
  }
}
