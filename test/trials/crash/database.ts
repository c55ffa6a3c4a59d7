import { randomBytes } from 'node:crypto'
import Database from 'better-sqlite3'
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely'
import pg from 'pg'
import { kyselyMetadata, type MetadataAdapter, sqliteMetadata } from '../../../src/index.ts'
import { postgresVariable } from '../../servers/postgres.ts'
import { meddleMetadata } from '../../support/meddling.ts'

/** Whose database has the metadata: the store's own file, a file that the host opens, or a schema of PostgreSQL. */
export const databases = ['sqlite', 'host', 'postgres'] as const
export type DatabaseKind = (typeof databases)[number]

export type Row = Record<string, string>
type Now = (() => number) | undefined

/** The database of a trial. Several processes use it, each through an object of its own. */
export interface TrialDatabase {
  readonly kind: DatabaseKind
  /** The dialect of what it is asked. */
  readonly dialect: 'sqlite' | 'postgres'
  metadata(now?: Now): MetadataAdapter
  /** Runs statements without the library, on one snapshot. */
  ask(statements: readonly string[]): Promise<Row[][]>
  /** Nothing is in it yet, not even tables. No process may have it open. */
  clear(): Promise<void>
  remove(): Promise<void>
}

/** @param name of the file, or of the schema */
export function openDatabase(kind: DatabaseKind, name: string): TrialDatabase {
  return kind === 'postgres' ? inPostgres(name) : inFile(kind, name)
}

export const newSchema = (): string => `trial_${randomBytes(6).toString('hex')}`

function inFile(kind: 'sqlite' | 'host', file: string): TrialDatabase {
  return {
    ...{ kind, dialect: 'sqlite' },
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

function inPostgres(schema: string): TrialDatabase {
  const url = process.env[postgresVariable]
  if (!url) throw new Error(`No PostgreSQL: ${postgresVariable} is not set`)
  const config: pg.PoolConfig = { connectionString: url, options: `-c search_path=${schema}` }
  const ask = async (statements: readonly string[]): Promise<Row[][]> => {
    const client = new pg.Client(config)
    await client.connect()
    try {
      const answers: Row[][] = []
      await client.query('begin isolation level repeatable read')
      for (const sql of statements) answers.push((await client.query(sql)).rows)
      await client.query('commit')
      return answers
    } finally {
      await client.end()
    }
  }
  const drop = `drop schema if exists ${schema} cascade`
  return {
    ...{ kind: 'postgres', dialect: 'postgres' },
    metadata(now) {
      const pool = new pg.Pool({ ...config, max: 8 })
      // The server of the tests does not sync, and says so.
      return closing(new Kysely<never>({ dialect: new PostgresDialect({ pool }) }), (db) =>
        kyselyMetadata(db, { now, durability: 'relaxed' }),
      )
    },
    ask,
    clear: async () => void (await ask([drop, `create schema ${schema}`])),
    remove: async () => void (await ask([drop])),
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
