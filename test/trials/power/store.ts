import {
  type BlobStore,
  createBlobStore,
  DiskBackend,
  type MetadataDurability,
  sqliteMetadata,
} from '../../../src/index.ts'

/** A store as all parties of a trial open it. */
export interface Place {
  root: string
  database: string
}

export interface Manner {
  durability: MetadataDurability
  /** How long a temporary blob lives, in milliseconds. */
  grace: number
  /** By how much its clock is ahead: each check moves it, so that what is over may be collected. */
  ahead: number
}

export function openStore({ root, database }: Place, { durability, grace, ahead }: Manner): BlobStore {
  return createBlobStore({
    janitor: false,
    backend: new DiskBackend({ root }),
    metadata: sqliteMetadata(database, { durability, now: () => Date.now() + ahead }),
    limits: { accept: ['*/*'] },
    times: { grace, deleteDelay: 0 },
  })
}
