import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, SqliteDialect } from 'kysely'
import {
  type BlobBackend,
  type BlobStore,
  type BlobStoreOptions,
  createBlobStore,
  DiskBackend,
  kyselyMetadata,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import type { S3Address } from '../servers/ceph.ts'
import { Clock } from '../support/clock.ts'
import { PostgresSchema } from '../support/postgres.ts'
import { S3Place } from '../support/s3.ts'
import { memoryDatabase } from './memory-database.ts'

/** Where the store under test is, and outlives its processes. */
export interface ModelPlace {
  clock: Clock
  /** A store, as a new process would open it. */
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
    open: () =>
      createBlobStore({ janitor: false, ...settings, backend, metadata: kyselyMetadata(db, { now: clock.now }) }),
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
        janitor: false,
        ...settings,
        backend: new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
        metadata: sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed', now: clock.now }),
      }),
    remove: async () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }),
  }
}

export function postgresPlace(settings: Settings): Promise<ModelPlace> {
  const backend = new MemoryBackend()
  return onPostgres(settings, () => backend)
}

export async function s3PostgresPlace(settings: Settings, address: S3Address): Promise<ModelPlace> {
  const bytes = new S3Place(address)
  const place = await onPostgres(settings, () => bytes.backend())
  const remove = async () => {
    await place.remove()
    await bytes.remove()
  }
  return { ...place, remove }
}

async function onPostgres(settings: Settings, backend: () => BlobBackend): Promise<ModelPlace> {
  const clock = new Clock()
  const schema = new PostgresSchema()
  const db = schema.open({ max: 4 })
  return {
    clock,
    db,
    open: () =>
      createBlobStore({
        janitor: false,
        ...settings,
        backend: backend(),
        metadata: kyselyMetadata(db, { durability: 'relaxed', now: clock.now }),
      }),
    remove: () => schema.drop(),
  }
}
