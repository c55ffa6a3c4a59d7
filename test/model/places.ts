import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import {
  type BlobStore,
  type BlobStoreOptions,
  createBlobStore,
  DiskBackend,
  kyselyMetadata,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { Clock } from '../support/clock.ts'
import { PostgresSchema } from '../support/postgres.ts'
import { memoryDatabase } from './memory-database.ts'

/** Where the store under test lives, and outlives its processes. */
export interface ModelPlace {
  clock: Clock
  /** A store, as a process that starts would have it. */
  open(): BlobStore
  /** The host's own database, where it has one. */
  db?: Kysely<never>
  remove(): Promise<void>
}

type Settings = Pick<BlobStoreOptions, 'limits'>

export async function memoryPlace(settings: Settings): Promise<ModelPlace> {
  const clock = new Clock()
  const backend = new MemoryBackend()
  const database = await memoryDatabase()
  const db = new Kysely<never>({ dialect: new SqliteDialect({ database }) })
  return {
    clock,
    db,
    open: () => createBlobStore({ ...settings, backend, metadata: kyselyMetadata(db, { now: clock.now }) }),
    remove: async () => void database.close(),
  }
}

export async function diskPlace(settings: Settings): Promise<ModelPlace> {
  const clock = new Clock()
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-model-'))
  return {
    clock,
    open: () =>
      createBlobStore({
        ...settings,
        backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'none' }),
        metadata: sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed', now: clock.now }),
      }),
    remove: async () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }),
  }
}

export async function postgresPlace(settings: Settings): Promise<ModelPlace> {
  const clock = new Clock()
  const schema = new PostgresSchema()
  const backend = new MemoryBackend()
  const db = schema.open({ max: 4 })
  return {
    clock,
    db,
    open: () =>
      createBlobStore({
        ...settings,
        backend,
        metadata: kyselyMetadata(db, { durability: 'relaxed', now: clock.now }),
      }),
    remove: () => schema.drop(),
  }
}
