import { join } from 'node:path'
import type { BlobStore } from '../../src/index.ts'
import { createBlobStore, DiskBackend, sqliteMetadata } from '../library.ts'

/** A store with durability off, because the disk would hide what is measured. */
export function openRelaxed(folder: string): BlobStore {
  return createBlobStore({
    janitor: false,
    backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    metadata: sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed' }),
    limits: { accept: ['*/*'] },
  })
}

/** Makes the tables of {@link openRelaxed}, for `addStock`. */
export async function makeTables(folder: string): Promise<void> {
  const store = openRelaxed(folder)
  await store.ready()
  await store.close()
}
