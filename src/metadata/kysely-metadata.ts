import { BlobStoreError } from '../errors.ts'
import { type HostDatabase, ownTables } from './host-database.ts'
import { assertNoSchema } from './host-schema.ts'
import type { MetadataAdapter } from './metadata.ts'
import { checkMetadataOptions, type KyselyMetadataOptions, type Source } from './source.ts'
import { withRetry } from './with-retry.ts'

/**
 * Keeps the metadata in the host's own database, so that records and their references commit or roll back together:
 * pass the host's transaction as `trx`. The names of the tables begin with `blobstore_`. The connection's settings are
 * checked, not changed, and the Kysely is never destroyed. Its plugins are not used; one limited by `withSchema` is
 * refused.
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
  // `startTransaction` came with 0.28. It is not used, but shows the version, which Kysely does not export.
  if (!('startTransaction' in db)) {
    throw new BlobStoreError(
      'InvalidArgument',
      'kyselyMetadata(db): this Kysely is older than 0.28, which the blob store needs. If the host has its own, ' +
        'install a newer one: npm install kysely@0.29',
    )
  }
  assertNoSchema('kyselyMetadata(db)', db)
  return metadataFrom({
    ...options,
    ownFile: false,
    connect: async () => ({ db: ownTables(db), close: async () => {} }),
  })
}

/** Metadata over any database that Kysely and this library support. */
export function metadataFrom(source: Source): MetadataAdapter {
  return {
    ...(source.location !== undefined && { location: source.location }),
    open: (options) =>
      withRetry(async () => {
        // Loaded only here: Kysely takes longer to load than everything else in the package.
        const { openMetadata } = await import('./open-metadata.ts')
        return openMetadata(source, options)
      }),
  }
}
