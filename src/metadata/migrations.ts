import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../errors.ts'
import { claimsMigration } from './claims-migration.ts'
import type { Dialect } from './dialect.ts'
import { firstMigration } from './first-migration.ts'
import { reachMigration } from './reach-migration.ts'
import type { Tables } from './tables.ts'
import { timesMigration } from './times-migration.ts'

// Kysely's own migrator looks for its tables in every schema of a PostgreSQL database, not only where this connection
// would find them, holds a lock of the session, which a pooler in between may give to somebody else, and has no
// transactions on SQLite. This one is a transaction like any other.

type Migrate = (db: Kysely<Tables>, dialect: Dialect['name']) => Promise<void>

const migrations: Record<string, Migrate> = {
  '001': firstMigration,
  '002': claimsMigration,
  '003': timesMigration,
  '004': reachMigration,
}

/** Any number, as long as nobody else uses it: of those that ask for it at once, one at a time makes the tables. */
const advisoryLock = 8_243_107_715_290_611n

/**
 * Whether the tables are of an older version, or there are none.
 *
 * @throws `MetadataOutdated` when they are of a newer one
 */
export async function migrationsPending(db: Kysely<Tables>, dialect: Dialect): Promise<boolean> {
  const done = await migrationsDone(db, dialect)
  if (done.some((name) => !(name in migrations))) {
    throw new BlobStoreError(
      'MetadataOutdated',
      'This version of pds-blobstore is older than the one that made the tables of this database, and was stopped before it changed ' +
        'anything: start the newer version again, or restore a backup from before the upgrade',
    )
  }
  return Object.keys(migrations).some((name) => !done.includes(name))
}

/** Brings the tables to this version, within a transaction; when they are, does nothing. */
export async function migrate(trx: Kysely<Tables>, dialect: Dialect): Promise<void> {
  if (dialect.name === 'postgres') await sql`select pg_advisory_xact_lock(${advisoryLock})`.execute(trx)
  const done = await migrationsDone(trx, dialect)
  for (const [name, run] of Object.entries(migrations)) {
    if (!done.includes(name)) await step(trx, dialect.name, name, run)
  }
}

/**
 * What {@link migrate} does to a database whose tables are of this version, or has none.
 *
 * @throws `InvalidArgument` when there is no such version
 */
export async function migrateAfter(
  db: Kysely<Tables>,
  dialect: Dialect['name'],
  version: string | undefined,
): Promise<void> {
  const names = Object.keys(migrations)
  if (version !== undefined && !names.includes(version)) {
    throw new BlobStoreError(
      'InvalidArgument',
      `There is no version ${version} of the tables; there are ${names.join(', ')}`,
    )
  }
  for (const [name, run] of Object.entries(migrations)) {
    if (version === undefined || name > version) await step(db, dialect, name, run)
  }
}

async function step(db: Kysely<Tables>, dialect: Dialect['name'], name: string, run: Migrate): Promise<void> {
  await run(db, dialect)
  await sql`insert into blobstore_migration (name, timestamp) values (${sql.lit(name)}, current_timestamp)`.execute(db)
}

async function migrationsDone(db: Kysely<Tables>, dialect: Dialect): Promise<string[]> {
  const { rows: tables } = await dialect.findTable('blobstore_migration').execute(db)
  if (tables.length === 0) return []
  const { rows } = await sql<{ name: string }>`select name from blobstore_migration`.execute(db)
  return rows.map((row) => row.name)
}
