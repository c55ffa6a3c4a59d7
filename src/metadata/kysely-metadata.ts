import type { Kysely } from 'kysely'
import { BlobStoreError } from '../errors.ts'
import { assertOneOf, assertOptions } from '../options.ts'
import { acquired } from './acquired.ts'
import { type Dialect, detectDialect } from './dialect.ts'
import type { HostDatabase } from './host-database.ts'
import type { Metadata, MetadataAdapter } from './metadata.ts'
import { migrate, migrationsPending } from './migrations.ts'
import { persistently } from './persistently.ts'
import { checkPostgresSettings } from './postgres-settings.ts'
import { accountSteps } from './rows/account-steps.ts'
import { blobQueries } from './rows/blob-queries.ts'
import { collectSteps } from './rows/collect-steps.ts'
import { identityRows } from './rows/identity-rows.ts'
import { listQueries } from './rows/list-queries.ts'
import { processSteps } from './rows/process-steps.ts'
import { recoverSteps } from './rows/recover-steps.ts'
import { referenceSteps } from './rows/reference-steps.ts'
import { scrubSteps } from './rows/scrub-steps.ts'
import { sweepSteps } from './rows/sweep-steps.ts'
import { takedownSteps } from './rows/takedown-steps.ts'
import { uploadSteps } from './rows/upload-steps.ts'
import { ownTables, Session } from './session.ts'
import { isForbidden } from './sql-errors.ts'
import { checkSettings, type MetadataDurability } from './sqlite-settings.ts'
import type { Tables } from './tables.ts'

export interface KyselyMetadataOptions {
  /**
   * `auto` creates and upgrades the tables when the store opens; `check` refuses to open when that is needed, for hosts
   * whose database role may not.
   * @default 'auto'
   */
  migrate?: 'auto' | 'check' | undefined
  /** `relaxed` accepts settings with which a power cut may lose acknowledged uploads. @default 'full' */
  durability?: MetadataDurability | undefined
  /** Replaces the database's clock, in tests: milliseconds since 1970. @default the database's */
  now?: (() => number) | undefined
}

/**
 * Keeps the metadata in the host's own database, so that records and their references commit or roll back together:
 * pass the host's transaction as `trx`. The tables' names begin with `blobstore_`. The connection's settings are
 * checked, not changed, and the Kysely is never destroyed.
 *
 * @example
 * ```ts
 * import Database from 'better-sqlite3'
 * import { Kysely, SqliteDialect } from 'kysely'
 * import { kyselyMetadata } from 'pds-blobstore'
 *
 * const database = new Database('pds.sqlite')
 * database.pragma('journal_mode = WAL')
 * database.pragma('synchronous = FULL')
 * database.pragma('foreign_keys = ON')
 * const db = new Kysely<{}>({ dialect: new SqliteDialect({ database }) })
 * const metadata = kyselyMetadata(db)
 * ```
 *
 * @throws `InvalidArgument`
 */
export function kyselyMetadata(db: HostDatabase, options: KyselyMetadataOptions = {}): MetadataAdapter {
  checkMetadataOptions('kyselyMetadata', options)
  if (typeof db?.withoutPlugins !== 'function' || db.isTransaction) {
    throw new BlobStoreError('InvalidArgument', 'kyselyMetadata(db): db must be a Kysely, and not a transaction')
  }
  return metadataFrom({
    ...options,
    ownFile: false,
    connect: async () => ({ db: ownTables(db), close: async () => {} }),
  })
}

/** @throws `InvalidArgument` */
export function checkMetadataOptions(what: string, options: KyselyMetadataOptions): void {
  assertOptions(what, options, ['migrate', 'durability', 'now'])
  assertOneOf(`${what}: migrate`, options.migrate, ['auto', 'check'])
  assertOneOf(`${what}: durability`, options.durability, ['full', 'relaxed'])
  if (options.now === undefined || typeof options.now === 'function') return
  throw new BlobStoreError('InvalidArgument', `${what}: now must be a function`)
}

/** Where an adapter gets its database from. */
export interface Source extends KyselyMetadataOptions {
  connect(): Promise<Connection>
  /** Whether transactions of the host's can never be on this database. */
  ownFile: boolean
}

export interface Connection {
  db: Kysely<Tables>
  close(): Promise<void>
}

/** The metadata over any database that Kysely speaks to and this library knows. */
export function metadataFrom(source: Source): MetadataAdapter {
  return {
    open: () => persistently(() => openFrom(source)),
  }
}

async function openFrom(source: Source): Promise<Metadata> {
  const { db, close } = await source.connect()
  try {
    const session = await openSession(db, source)
    return {
      close,
      ...identityRows(session),
      ...uploadSteps(session),
      ...referenceSteps(session),
      ...blobQueries(session),
      ...listQueries(session),
      ...takedownSteps(session),
      ...accountSteps(session),
      ...collectSteps(session),
      ...sweepSteps(session),
      ...scrubSteps(session),
      ...recoverSteps(session),
      ...processSteps(session),
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openSession(db: Kysely<Tables>, source: Source): Promise<Session> {
  const dialect = await acquired<Dialect>((start) => db.connection().execute((one) => start(() => look(one, source))))
  const session = new Session(db, { dialect, ownFile: source.ownFile, now: source.now })
  await bringTables(session, source.migrate ?? 'auto')
  return session
}

async function look(db: Kysely<Tables>, { durability = 'full' }: Source): Promise<Dialect> {
  const dialect = await detectDialect(db)
  await (dialect.name === 'sqlite' ? checkSettings : checkPostgresSettings)(db, durability)
  return dialect
}

async function bringTables(session: Session, mode: 'auto' | 'check'): Promise<void> {
  if (!(await session.read((db) => migrationsPending(db, session.dialect)))) return
  if (mode === 'check') {
    throw new BlobStoreError(
      'MetadataOutdated',
      "The blob store's tables are missing or of an older version: open it once with { migrate: 'auto' } by a role " +
        `that may create tables, or let one run the SQL that migrationSql('${session.dialect.name}') gives`,
    )
  }
  try {
    await session.changeSchema((db) => migrate(db, session.dialect))
  } catch (error) {
    throw isForbidden(error) ? mayNotMigrate(error) : error
  }
}

function mayNotMigrate(error: BlobStoreError): BlobStoreError {
  return new BlobStoreError(
    'MetadataOutdated',
    `The blob store's tables are missing or of an older version, and this role may not make them (${error.message}). Let one ` +
      "that may run what migrationSql('postgres') gives, in this schema, and grant SELECT, INSERT, UPDATE and DELETE on them",
    { cause: error },
  )
}
