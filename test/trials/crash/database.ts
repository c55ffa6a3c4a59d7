import Database from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { kyselyMetadata, type MetadataAdapter, sqliteMetadata } from '../../../src/index.ts'
import { meddleMetadata } from '../../support/meddling.ts'
import type { PostgresSchema } from '../../support/postgres.ts'

/** Whose database has the metadata: the store's own file, a file that the host opens, or a schema of PostgreSQL. */
export const databases = ['sqlite', 'host', 'postgres'] as const
export type DatabaseKind = (typeof databases)[number]

export type Row = Record<string, string>
type Now = (() => number) | undefined

/** The database of a trial. Several processes use it, each through an object of its own. */
export interface TrialDatabase {
  /** The dialect of what it is asked. */
  readonly dialect: 'sqlite' | 'postgres'
  metadata(now?: Now): MetadataAdapter
  /** Runs statements without the library, on one snapshot. */
  ask(statements: readonly string[]): Promise<Row[][]>
  /** Nothing is in it yet, not even tables. No process may have it open. */
  clear(): Promise<void>
  remove(): Promise<void>
}

export function inFile(file: string, kind: 'sqlite' | 'host'): TrialDatabase {
  return {
    dialect: 'sqlite',
    metadata: (now) => (kind === 'sqlite' ? sqliteMetadata(file, { now }) : ofHost(file, now)),
    async ask(statements) {
      const database = new Database(file, { fileMustExist: true, timeout: 5000 })
      try {
        const answer = (sql: string): Row[] => {
          const statement = database.prepare(sql)
          if (statement.reader) return statement.all() as Row[]
          statement.run()
          return []
        }
        return database.transaction(() => statements.map(answer))()
      } finally {
        database.close()
      }
    },
    // The file is in the folder that the place empties.
    clear: async () => {},
    remove: async () => {},
  }
}

/** With the settings that the manual gives hosts. */
function ofHost(file: string, now: Now): MetadataAdapter {
  const database = new Database(file, { timeout: 5000 })
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.pragma('foreign_keys = ON')
  return closing(new Kysely<never>({ dialect: new SqliteDialect({ database }) }), (db) => kyselyMetadata(db, { now }))
}

export function inPostgres(schema: PostgresSchema): TrialDatabase {
  return {
    dialect: 'postgres',
    // The server of the tests does not sync, and says so.
    metadata: (now) => closing(schema.open(), (db) => kyselyMetadata(db, { now, durability: 'relaxed' })),
    async ask(statements) {
      await using db = schema.open({ max: 1 })
      return await db
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (trx) => {
          const answers: Row[][] = []
          for (const statement of statements) answers.push((await sql.raw<Row>(statement).execute(trx)).rows)
          return answers
        })
    },
    async clear() {
      await schema.drop()
      await schema.make()
    },
    remove: () => schema.drop(),
  }
}

/** A host's database that is closed with the store. */
function closing(db: Kysely<never>, adapterOf: (db: Kysely<never>) => MetadataAdapter): MetadataAdapter {
  return meddleMetadata(adapterOf(db), (inner) => ({
    async close() {
      await inner.close()
      await db.destroy()
    },
  }))
}
