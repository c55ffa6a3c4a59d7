import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
import { runStep } from '../kysely-driver.ts'
import { rowsOf, type Step } from '../step.ts'
import { entriesMigration } from './entries-migration.ts'
import { fewerIndexesMigration } from './fewer-indexes-migration.ts'
import { firstMigration } from './first-migration.ts'
import { mirrorMigration } from './mirror-migration.ts'
import { moderationMigration } from './moderation-migration.ts'
import { purgeMigration } from './purge-migration.ts'
import { quarantineMigration } from './quarantine-migration.ts'
import { reachMigration } from './reach-migration.ts'
import { resumableMigration } from './resumable-migration.ts'
import { spacesMigration } from './spaces-migration.ts'
import type { Tables } from './tables.ts'

// Kysely's own migrator does not fit: it looks for its tables in every schema of a PostgreSQL database, not only where
// this connection would find them; holds a session lock, which a pooler may give to another client; and has no
// transactions on SQLite. This one is a transaction like any other.

type Migrate = (db: Kysely<Tables>, dialect: Dialect['name']) => Promise<void>

const migrations: Record<string, Migrate> = {
  '001': firstMigration,
  '002': claimsMigration,
  '003': timesMigration,
  '004': reachMigration,
  '005': purgeMigration,
  '006': spacesMigration,
  '007': resumableMigration,
  '008': moderationMigration,
  '009': mirrorMigration,
  '010': quarantineMigration,
  '011': fewerIndexesMigration,
  '012': entriesMigration,
}

/** An arbitrary number that nothing else uses: of several processes at once, one at a time creates the tables. */
const advisoryLock = 8_243_107_715_290_611n

/**
 * Whether the tables are missing or of an older version.
 *
 * @throws `MetadataOutdated` if they are of a newer one
 */
export function* migrationsPending(db: Kysely<Tables>, dialect: Dialect): Step<boolean> {
  const done = yield* migrationsDone(db, dialect)
  if (done.some((name) => !(name in migrations))) {
    throw new BlobStoreError(
      'MetadataOutdated',
      'The tables of this database are of a newer version of pds-blobstore than this one. It was stopped before it changed ' +
        'anything: start the newer version again, or restore a backup from before the upgrade',
    )
  }
  return Object.keys(migrations).some((name) => !done.includes(name))
}

/** Upgrades the tables to this version, within a transaction. Does nothing if they are up to date. */
export async function migrate(trx: Kysely<Tables>, dialect: Dialect): Promise<void> {
  if (dialect.name === 'postgres') await sql`select pg_advisory_xact_lock(${advisoryLock})`.execute(trx)
  const done = await runStep(trx, migrationsDone(trx, dialect))
  for (const [name, run] of Object.entries(migrations)) {
    if (!done.includes(name)) await step(trx, dialect.name, name, run)
  }
}

/**
 * What {@link migrate} does to a database with tables of the given version, or with none.
 *
 * @throws `InvalidArgument` if there is no such version
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

function* migrationsDone(db: Kysely<Tables>, dialect: Dialect): Step<string[]> {
  const tables = yield* rowsOf(dialect.findTable('blobstore_migration').compile(db))
  if (tables.length === 0) return []
  const rows = yield* rowsOf(sql<{ name: string }>`select name from blobstore_migration`.compile(db))
  return rows.map((row) => row.name)
}

/**
 * References now store what imported records claim of their blobs, and no record waits any longer for a blob that is
 * held.
 */
async function claimsMigration(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('blobstore_ref').addColumn('claimed_type', 'text').execute()
  await db.schema.alterTable('blobstore_ref').addColumn('claimed_size', 'bigint').execute()
  // A record that claimed another type or size than the account's blob has waited for ever.
  await sql`insert into blobstore_ref (did, cid, record_uri, rev, scope, claimed_type, claimed_size)
    select did, cid, record_uri, rev, scope, mime_type, size from blobstore_expected as expected
    where exists (select 1 from blobstore_blob as blob where blob.cid = expected.cid and blob.did = expected.did)
    on conflict do nothing`.execute(db)
  await sql`update blobstore_blob set expires_at = null, was_referenced = 1
    where exists (select 1 from blobstore_expected as expected
      where expected.did = blobstore_blob.did and expected.cid = blobstore_blob.cid)`.execute(db)
  await sql`delete from blobstore_expected where exists (select 1 from blobstore_blob as blob
      where blob.cid = blobstore_expected.cid and blob.did = blobstore_expected.did)`.execute(db)
}

/**
 * The store records its deletion times, and when it was last backed up. An index finds an account's references by
 * revision, because lists mostly ask for the newest. The index of accounts that wait for a CID is no longer used.
 */
async function timesMigration({ schema }: Kysely<Tables>): Promise<void> {
  await schema.alterTable('blobstore_meta').addColumn('times', 'text').execute()
  await schema.alterTable('blobstore_meta').addColumn('backed_up_at', 'bigint').execute()
  await schema.alterTable('blobstore_process').addColumn('times', 'text').execute()
  await schema.dropIndex('blobstore_expected_cid').execute()
  // Contains all columns that are read through it, as the index `record` does.
  await schema.createIndex('blobstore_ref_rev').on('blobstore_ref').columns(['did', 'rev', 'cid', 'scope']).execute()
}
