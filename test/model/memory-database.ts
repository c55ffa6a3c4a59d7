import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { kyselyMetadata } from '../../src/index.ts'

let template: Promise<Buffer> | undefined

/** A database in memory with the store's tables: copied, because creating them takes longer than most lives. */
export async function memoryDatabase(): Promise<Database.Database> {
  template ??= makeTables()
  const database = new Database(await template)
  database.pragma('foreign_keys = ON')
  return database
}

async function makeTables(): Promise<Buffer> {
  const database = new Database(':memory:')
  database.pragma('foreign_keys = ON')
  const db = new Kysely<never>({ dialect: new SqliteDialect({ database }) })
  const metadata = await kyselyMetadata(db).open()
  await metadata.close()
  const copy = database.serialize()
  database.close()
  return copy
}
