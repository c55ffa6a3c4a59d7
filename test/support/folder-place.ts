import { copyFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type BlobStore, type BlobStoreOptions, createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'
import { copyDatabase } from './database-copy.ts'
import { Clock, temporaryFolder } from './places.ts'

/** A store on disk with a file of its own, whose files a test may change. */
export class FolderPlace {
  readonly clock: Clock = new Clock()
  readonly folder: string = temporaryFolder()
  readonly root: string = join(this.folder, 'blobs')
  readonly database: string = join(this.folder, 'blobs.sqlite')

  backend(root: string = this.root): DiskBackend {
    return new DiskBackend({ root, durability: 'relaxed' })
  }

  /** Another store on the same files, or on others; closed when the test is finished. */
  store({
    root = this.root,
    database = this.database,
    ...options
  }: Partial<BlobStoreOptions> & { root?: string; database?: string } = {}): BlobStore {
    const blobs = createBlobStore({
      backend: this.backend(root),
      metadata: sqliteMetadata(database, { durability: 'relaxed', now: this.clock.now }),
      limits: { accept: ['*/*'] },
      janitor: false,
      ...options,
    })
    onTestFinished(() => blobs.close())
    return blobs
  }

  /** Where the bytes of this CID are. */
  fileOf(cid: { toString(): string }): string {
    const files = readdirSync(join(this.root, 'blobs'), { recursive: true, withFileTypes: true })
    const file = files.find((entry) => entry.isFile() && entry.name.startsWith(`${cid}.`))
    if (file === undefined) throw new Error(`No file of ${cid}`)
    return join(file.parentPath, file.name)
  }

  get spools(): string {
    return join(this.root, 'spool')
  }

  /** Copies the database as it is now, its log included. */
  backUp(): string {
    const copy = temporaryFolder()
    copyDatabase(this.database, join(copy, 'backup'))
    return copy
  }

  /** Replaces the database with a copy. Every store must be closed. */
  putBack(copy: string): void {
    for (const ending of ['', '-wal', '-shm']) rmSync(this.database + ending, { force: true })
    copyFileSync(join(copy, 'backup'), this.database)
  }
}
