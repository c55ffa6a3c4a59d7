import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
import { runStep } from '../kysely-driver.ts'
import { rowsOf, type Step } from '../step.ts'
import { firstMigration } from './first-migration.ts'
import { purgeMigration } from './purge-migration.ts'
import { reachMigration } from './reach-migration.ts'
import type { Tables } from './tables.ts'

// Kysely's own migrator looks for its tables in every schema of a PostgreSQL database, not only where this connection
// would find them, holds a lock of the session, which a pooler in between may give to another client, and has no
// transactions on SQLite. This one is a transaction like any other.

type Migrate = (db: Kysely<Tables>, dialect: Dialect['name']) => Promise<void>

const migrations: Record<string, Migrate> = {
  '001': firstMigration,
  '002': claimsMigration,
  '003': timesMigration,
  '004': reachMigration,
  '005': purgeMigration,
}

/** Any number, as long as nobody else uses it: of those that ask for it at once, one at a time makes the tables. */
const advisoryLock = 8_243_107_715_290_611n

/**
 * Whether the tables are of an older version, or there are none.
 *
 * @throws `MetadataOutdated` when they are of a newer one
 */
export function* migrationsPending(db: Kysely<Tables>, dialect: Dialect): Step<boolean> {
  const done = yield* migrationsDone(db, dialect)
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
  const done = await runStep(trx, migrationsDone(trx, dialect))
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

function* migrationsDone(db: Kysely<Tables>, dialect: Dialect): Step<string[]> {
  const tables = yield* rowsOf(dialect.findTable('blobstore_migration').compile(db))
  if (tables.length === 0) return []
  const rows = yield* rowsOf(sql<{ name: string }>`select name from blobstore_migration`.compile(db))
  return rows.map((row) => row.name)
}

/** References keep what imported records say of their blobs, and nothing waits any longer for a blob that is held. */
async function claimsMigration(db: Kysely<Tables>): Promise<void> {
  await db.schema.alterTable('blobstore_ref').addColumn('claimed_type', 'text').execute()
  await db.schema.alterTable('blobstore_ref').addColumn('claimed_size', 'bigint').execute()
  // What waited for other bytes than the account has, by type or size, waited for ever.
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
 * The store keeps the times by which it deletes, and when it was last backed up. An account's references are found by
 * revision: what is listed there is mostly what came last. And nobody asks any more which accounts wait for a CID.
 */
async function timesMigration({ schema }: Kysely<Tables>): Promise<void> {
  await schema.alterTable('blobstore_meta').addColumn('times', 'text').execute()
  await schema.alterTable('blobstore_meta').addColumn('backed_up_at', 'bigint').execute()
  await schema.alterTable('blobstore_process').addColumn('times', 'text').execute()
  await schema.dropIndex('blobstore_expected_cid').execute()
  // All that is asked for by it, as in the index `record`.
  await schema.createIndex('blobstore_ref_rev').on('blobstore_ref').columns(['did', 'rev', 'cid', 'scope']).execute()
}
