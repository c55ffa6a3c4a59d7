import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BlobStore, createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'
import { copyDatabase } from '../support/database-copy.ts'
import { Clock, temporaryFolder } from '../support/places.ts'

/** A store whose database can be backed up and restored, as a host would do it: in files, with every process stopped. */
export interface Restorable {
  clock: Clock
  open(): BlobStore
  backUp(): void
  restore(): void
  /** The paths of the files with bytes. */
  files(): string[]
}

export function restorable(): Restorable {
  const folder = temporaryFolder()
  const clock = new Clock()
  const database = join(folder, 'database')
  const [file, backup] = [join(database, 'blobs.sqlite'), join(folder, 'backup')]
  return {
    clock,
    open: () =>
      createBlobStore({
        backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
        metadata: sqliteMetadata(file, { durability: 'relaxed', now: clock.now }),
        limits: { accept: ['*/*'] },
        janitor: false,
      }),
    backUp: () => copyDatabase(file, backup),
    restore() {
      rmSync(database, { recursive: true })
      mkdirSync(database)
      cpSync(backup, file)
    },
    files() {
      const found = readdirSync(join(folder, 'blobs', 'blobs'), { recursive: true, withFileTypes: true })
      return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    },
  }
}
