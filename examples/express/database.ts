import Sqlite from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'

export interface Tables {
  account: { did: string; handle: string; password: string }
  session: { token: string; did: string; kind: 'access' | 'refresh' }
  /** `value` is the record as JSON, `cid` that of its dag-cbor form. */
  record: { did: string; collection: string; rkey: string; cid: string; value: string }
  /** The spaces of this server's accounts; `did` is the one whose it is. */
  space: { uri: string; did: string }
  /** Who is in a space, besides the account whose it is. */
  member: { space: string; did: string }
  /** As `record`. It stays with its author when the space is deleted, so it refers to none. */
  space_record: { space: string; did: string; collection: string; rkey: string; cid: string; value: string }
}

/** The one database of this PDS. The blob store adds its own tables, whose names begin with `blobstore_`. */
export async function openDatabase(file: string): Promise<Kysely<Tables>> {
  const sqlite = new Sqlite(file)
  // The blob store requires these three of a host's connection, and reports a missing one: an acknowledged commit
  // survives a power cut, and foreign keys are enforced.
  sqlite.pragma('journal_mode = WAL')
  sqlite.pragma('synchronous = FULL')
  sqlite.pragma('foreign_keys = ON')

  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: sqlite }) })
  await db.schema
    .createTable('account')
    .ifNotExists()
    .addColumn('did', 'text', (c) => c.primaryKey())
    .addColumn('handle', 'text', (c) => c.notNull().unique())
    .addColumn('password', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('session')
    .ifNotExists()
    .addColumn('token', 'text', (c) => c.primaryKey())
    .addColumn('did', 'text', (c) => c.notNull().references('account.did').onDelete('cascade'))
    .addColumn('kind', 'text', (c) => c.notNull())
    .execute()
  await db.schema
    .createTable('record')
    .ifNotExists()
    .addColumn('did', 'text', (c) => c.notNull().references('account.did').onDelete('cascade'))
    .addColumn('collection', 'text', (c) => c.notNull())
    .addColumn('rkey', 'text', (c) => c.notNull())
    .addColumn('cid', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('record_pk', ['did', 'collection', 'rkey'])
    .execute()
  await db.schema
    .createTable('space')
    .ifNotExists()
    .addColumn('uri', 'text', (c) => c.primaryKey())
    .addColumn('did', 'text', (c) => c.notNull().references('account.did').onDelete('cascade'))
    .execute()
  await db.schema
    .createTable('member')
    .ifNotExists()
    .addColumn('space', 'text', (c) => c.notNull().references('space.uri').onDelete('cascade'))
    .addColumn('did', 'text', (c) => c.notNull().references('account.did').onDelete('cascade'))
    .addPrimaryKeyConstraint('member_pk', ['space', 'did'])
    .execute()
  await db.schema
    .createTable('space_record')
    .ifNotExists()
    .addColumn('space', 'text', (c) => c.notNull())
    .addColumn('did', 'text', (c) => c.notNull().references('account.did').onDelete('cascade'))
    .addColumn('collection', 'text', (c) => c.notNull())
    .addColumn('rkey', 'text', (c) => c.notNull())
    .addColumn('cid', 'text', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('space_record_pk', ['space', 'did', 'collection', 'rkey'])
    .execute()
  return db
}
