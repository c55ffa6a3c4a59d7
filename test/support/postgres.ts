import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { postgresVariable } from '../servers/postgres.ts'

/** Whether the test run started a server: `npm test` starts none. */
export const hasPostgres: boolean = process.env[postgresVariable] !== undefined

/** The server that the test run started. */
export function postgresUrl(): string {
  const url = process.env[postgresVariable]
  if (!url) throw new Error(`No PostgreSQL: run vitest --config vitest.all.config.ts, or set ${postgresVariable}`)
  return url
}

/** For operations on a server, not on a store. */
const admin = new Kysely<never>({
  dialect: new PostgresDialect({
    pool: async () => patientPool({ connectionString: postgresUrl(), max: 2, allowExitOnIdle: true }),
  }),
})

/** Tests cut connections, and servers stop; pg reports idle ones at the pool, and those in use at the client. */
function patientPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config)
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** A separate schema: created on first use, visible to all connections of the test and to no others. */
export class PostgresSchema {
  readonly name: string
  readonly #pools: Kysely<never>[] = []
  #made: Promise<unknown> | undefined

  /** @param existing the name of one that another process has created */
  constructor(existing?: string) {
    this.name = existing ?? `test_${randomBytes(6).toString('hex')}`
    if (existing !== undefined) this.#made = Promise.resolve()
  }

  /** Another pool on it, as another process would have. */
  open(config: pg.PoolConfig = {}, Dialect: typeof PostgresDialect = PostgresDialect): Kysely<never> {
    const dialect = new Dialect({
      pool: async () => {
        await this.make()
        return patientPool({ ...this.config(), max: 8, ...config })
      },
    })
    const db = new Kysely<never>({ dialect })
    this.#pools.push(db)
    return db
  }

  config(): pg.PoolConfig {
    return { connectionString: postgresUrl(), options: `-c search_path=${this.name}`, application_name: this.name }
  }

  make(): Promise<unknown> {
    this.#made ??= sql`create schema ${sql.id(this.name)}`.execute(admin)
    return this.#made
  }

  /** Whether one of its connections waits for a row that another transaction has. */
  async isWaiting(): Promise<boolean> {
    const { rows } = await sql`select pid from pg_stat_activity where application_name = ${this.name}
      and wait_event_type = 'Lock' and wait_event <> 'advisory'`.execute(admin)
    return rows.length > 0
  }

  async drop(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((db) => db.destroy()))
    if (this.#made) await sql`drop schema ${sql.id(this.name)} cascade`.execute(admin)
    this.#made = undefined
  }
}
