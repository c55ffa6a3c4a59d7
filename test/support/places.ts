import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { inject, onTestFinished } from 'vitest'
import {
  type BlobBackend,
  type BlobStore,
  type BlobStoreOptions,
  createBlobStore,
  DiskBackend,
  type HostDatabase,
  type KyselyMetadataOptions,
  kyselyMetadata,
  MemoryBackend,
  type MetadataAdapter,
  sqliteMetadata,
} from '../../src/index.ts'
import { Clock } from './clock.ts'
import { hasPostgres, PostgresSchema } from './postgres.ts'
import { S3Place } from './s3.ts'

export { Clock }

/** A folder for this test alone, removed after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pds-blobstore-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Place {
  clock: Clock
  backend: () => BlobBackend
  metadata: () => MetadataAdapter
  /** Another store on the same bytes and metadata, as another process would have; closed when the test is finished. */
  store(options?: Partial<BlobStoreOptions>): BlobStore
  /** The host's own database, if it has one. */
  db?: HostDatabase & Kysely<never>
}

/**
 * Where a store may be. Store tests run on each place whose server exists: `describe.each(places)`; with
 * `PLACES='memory|host'`, a regular expression, on those whose names match.
 */
export const places: { name: string; make: () => Place }[] = [
  { name: 'memory and SQLite in memory', make: memoryPlace },
  { name: 'disk and an SQLite file', make: diskPlace },
  { name: 'disk and the host’s Kysely', make: hostPlace },
  ...(hasPostgres ? [{ name: 'disk and PostgreSQL', make: postgresPlace }] : []),
  ...(inject('s3') ? [{ name: 'S3 and SQLite', make: s3Place }] : []),
  ...(inject('s3') && hasPostgres ? [{ name: 'S3 and PostgreSQL', make: s3PostgresPlace }] : []),
].filter(({ name }) => new RegExp(process.env.PLACES ?? '').test(name))

export function memoryPlace(): Place {
  const clock = new Clock()
  const [backend, metadata] = [new MemoryBackend(), sqliteMetadata(':memory:', { now: clock.now })]
  return place(
    clock,
    () => backend,
    () => metadata,
  )
}

export function diskPlace(): Place {
  const clock = new Clock()
  const folder = temporaryFolder()
  return place(
    clock,
    () => new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    () => sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed', now: clock.now }),
  )
}

export function hostPlace(): Place {
  const clock = new Clock()
  const folder = temporaryFolder()
  const database = new Database(join(folder, 'pds.sqlite'))
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = NORMAL')
  database.pragma('foreign_keys = ON')
  const db = new Kysely<never>({ dialect: new SqliteDialect({ database }) })
  onTestFinished(() => db.destroy())
  return place(
    clock,
    () => new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    () => kyselyMetadata(db, { durability: 'relaxed', now: clock.now }),
    db,
  )
}

export function postgresPlace(): Place {
  const clock = new Clock()
  const folder = temporaryFolder()
  return place(
    clock,
    () => new DiskBackend({ root: join(folder, 'blobs'), durability: 'relaxed' }),
    ...onPostgres(clock),
  )
}

/** The databases that a host may have, of those that run. */
export const hostDatabases: { name: 'sqlite' | 'postgres'; make: () => Place }[] = [
  { name: 'sqlite', make: hostPlace },
  ...(hasPostgres ? [{ name: 'postgres' as const, make: postgresPlace }] : []),
]

function s3Place(): Place {
  const clock = new Clock()
  const folder = temporaryFolder()
  return place(clock, inS3(), () =>
    sqliteMetadata(join(folder, 'blobs.sqlite'), { durability: 'relaxed', now: clock.now }),
  )
}

function s3PostgresPlace(): Place {
  const clock = new Clock()
  // The other place on PostgreSQL has its functions.
  return place(clock, inS3(), ...onPostgres(clock, { functions: false }))
}

/** Bytes under a separate prefix. */
function inS3(): () => BlobBackend {
  const address = inject('s3')
  if (!address) throw new Error('There is no S3 server')
  const bytes = new S3Place(address)
  // Registered first, so run last: stores that are still open write.
  onTestFinished(() => bytes.remove())
  return () => bytes.backend()
}

/** Metadata in a separate schema, for any backend. Each store has its own pool, as processes do. */
function onPostgres(
  clock: Clock,
  options: KyselyMetadataOptions = {},
): [metadata: () => MetadataAdapter, db: HostDatabase & Kysely<never>] {
  const schema = new PostgresSchema()
  onTestFinished(() => schema.drop())
  return [() => kyselyMetadata(schema.open(), { durability: 'relaxed', now: clock.now, ...options }), schema.open()]
}

function place(
  clock: Clock,
  backend: () => BlobBackend,
  metadata: () => MetadataAdapter,
  db?: HostDatabase & Kysely<never>,
): Place {
  return {
    ...(db && { db }),
    clock,
    backend,
    metadata,
    store(options = {}) {
      const blobs = createBlobStore({
        backend: backend(),
        metadata: metadata(),
        limits: { accept: ['*/*'] },
        janitor: false,
        ...options,
      })
      onTestFinished(() => blobs.close())
      return blobs
    },
  }
}
