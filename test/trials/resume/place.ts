import { join } from 'node:path'
import {
  type BlobStore,
  createBlobStore,
  DiskBackend,
  type MetadataAdapter,
  sqliteMetadata,
} from '../../../src/index.ts'

/** The store of a trial, in a folder of its own. The server processes and the check open it. */
export function storeIn(
  folder: string,
  wrap: (metadata: MetadataAdapter) => MetadataAdapter = (metadata) => metadata,
  now: () => number = Date.now,
): BlobStore {
  return createBlobStore({
    backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    metadata: wrap(sqliteMetadata(databaseIn(folder), { durability: 'relaxed', now })),
    limits: { accept: ['*/*'], mimePolicy: 'declared', maxBlobSize: 100_000_000 },
    janitor: false,
  })
}

export const databaseIn = (folder: string): string => join(folder, 'blobs.sqlite')
