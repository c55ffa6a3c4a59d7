import type { Kysely } from 'kysely'
import { BlobStoreError } from '../errors.ts'
import { assertOneOf, assertOptions } from '../options.ts'
import type { BackupSteps } from './backup.ts'
import { type HostDatabase, ownTables } from './host-database.ts'
import type { MetadataAdapter } from './metadata.ts'
import { persistently } from './persistently.ts'
import type { MetadataDurability } from './sqlite-settings.ts'
import type { Tables } from './tables.ts'
import type { AroundTransactions } from './transaction.ts'

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
  // What has come with 0.28 is not used, but tells the version, which Kysely does not.
  if (!('startTransaction' in db)) {
    throw new BlobStoreError(
      'InvalidArgument',
      'kyselyMetadata(db): this Kysely is older than 0.28, which the blob store needs. Install a newer one where the host has ' +
        'its own: npm install kysely@0.29',
    )
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
  /** As {@link MetadataAdapter.location}. */
  location?: string
  connect(): Promise<Connection>
  /** Whether transactions of the host's can never be on this database. */
  ownFile: boolean
}

export interface Connection extends Partial<BackupSteps> {
  db: Kysely<Tables>
  /** Of a connection of our own. */
  around?: AroundTransactions
  close(): Promise<void>
}

/** The metadata over any database that Kysely speaks to and this library knows. */
export function metadataFrom(source: Source): MetadataAdapter {
  return {
    ...(source.location !== undefined && { location: source.location }),
    open: () =>
      persistently(async () => {
        // Loaded only here: Kysely takes longer to load than everything else that the package needs.
        const { openMetadata } = await import('./open-metadata.ts')
        return openMetadata(source)
      }),
  }
}
