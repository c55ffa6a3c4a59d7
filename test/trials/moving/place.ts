import { join } from 'node:path'
import { type BlobBackend, type BlobStore, createBlobStore, DiskBackend, sqliteMetadata } from '../../../src/index.ts'
import { S3Backend } from '../../../src/s3.ts'
import type { S3Address } from '../../servers/ceph.ts'
import { sharedBucket } from '../../support/s3.ts'

/** Where a store moves from and to; sent to every process. */
export interface MovingPlace {
  folder: string
  s3: S3Address
  prefix: string
  /** How many blobs there are from the beginning. */
  count: number
}

export const diskOf = ({ folder }: MovingPlace): BlobBackend =>
  new DiskBackend({ root: join(folder, 'disk'), durability: 'relaxed' })

export function s3Of({ folder, s3, prefix }: MovingPlace): BlobBackend {
  const { endpoint, ...credentials } = s3
  const options = { endpoint, credentials, forcePathStyle: true, prefix, spoolDirectory: join(folder, 'spools') }
  return new S3Backend({ bucket: sharedBucket, ...options })
}

/** Dead processes must be recognized, and old copies deleted, within the run. */
const times = { lease: 20_000, upload: 10_000, inspect: 5000, deleteDelay: 5000 }

export function storeAt(place: MovingPlace, write: 'disk' | 's3'): BlobStore {
  return createBlobStore({
    janitor: false,
    backend: { write, all: { disk: diskOf(place), s3: s3Of(place) } },
    metadata: sqliteMetadata(join(place.folder, 'blobs.sqlite'), { durability: 'relaxed' }),
    limits: { accept: ['*/*'] },
    times,
  })
}
