import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import {
  type BlobStore,
  type BlobStoreOptions,
  createBlobStore,
  type HostDatabase,
  type KyselyMetadataOptions,
  kyselyMetadata,
  type Logger,
  MemoryBackend,
} from '../../src/index.ts'
import { PostgresSchema } from '../support/postgres.ts'

/** A separate schema, dropped when the test is finished. */
export function someSchema(): PostgresSchema {
  const schema = new PostgresSchema()
  onTestFinished(() => schema.drop())
  return schema
}

/** A store with its bytes in memory, closed when the test is finished. */
export function storeOn(
  db: HostDatabase,
  options: KyselyMetadataOptions = {},
  backend = new MemoryBackend(),
  limits: BlobStoreOptions['limits'] = {},
  logger?: Logger,
): BlobStore {
  const metadata = kyselyMetadata(db, { durability: 'relaxed', ...options })
  const blobs = createBlobStore({ backend, metadata, limits: { accept: ['*/*'], ...limits }, logger })
  onTestFinished(() => blobs.close())
  return blobs
}

/** A role that may use the schema and create nothing in it, with its connections. */
export async function limitedRole(
  schema: PostgresSchema,
  owner: Kysely<never>,
  Dialect: typeof PostgresDialect = PostgresDialect,
): Promise<{ db: Kysely<never>; grantTables: () => Promise<unknown> }> {
  const name = `role_${randomBytes(4).toString('hex')}`
  const [role, within] = [sql.id(name), sql.id(schema.name)]
  await sql`create role ${role} login password 'x'`.execute(owner)
  await sql`grant usage on schema ${within} to ${role}`.execute(owner)
  const { connectionString = '', options } = schema.config()
  const url = new URL(connectionString)
  url.username = name
  url.password = 'x'
  const db = new Kysely<never>({
    dialect: new Dialect({ pool: new pg.Pool({ connectionString: url.href, ...(options && { options }) }) }),
  })
  onTestFinished(async () => {
    await db.destroy()
    await sql`drop owned by ${role}`.execute(owner)
    await sql`drop role ${role}`.execute(owner)
  })
  const grantTables = () =>
    sql`grant select, insert, update, delete on all tables in schema ${within} to ${role}`.execute(owner)
  return { db, grantTables }
}
