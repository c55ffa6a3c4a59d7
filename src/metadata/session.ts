import { type Kysely, type RawBuilder, sql } from 'kysely'
import pRetry from 'p-retry'
import { BlobStoreError } from '../errors.ts'
import type { Dialect } from './dialect.ts'
import type { HostDatabase, HostTransaction } from './host-database.ts'
import { isBusy, isLostRace, metadataError } from './sql-errors.ts'
import type { Tables } from './tables.ts'

/** How long to wait for a connection: in milliseconds. */
const patience = 5000
const attempts = 8

export interface SessionOptions {
  dialect: Dialect
  /** Whether transactions of the host's can exist on this database. */
  ownFile: boolean
  /** Replaces the database's clock, in tests. */
  now?: (() => number) | undefined
}

/**
 * The one way to the database: who may run when, in which transaction, and how its errors are told.
 */
export class Session {
  readonly dialect: Dialect
  readonly #db: Kysely<Tables>
  readonly #ownFile: boolean
  readonly #clock: (() => number) | undefined

  constructor(db: Kysely<Tables>, options: SessionOptions) {
    this.#db = db
    this.dialect = options.dialect
    this.#ownFile = options.ownFile
    this.#clock = options.now
  }

  /** The database's time, or some milliseconds later. One clock for all processes, whatever their machines say. */
  now(later = 0): RawBuilder<number> {
    if (this.#clock) return sql`${this.#clock() + later}`
    return later === 0 ? this.dialect.now : sql`(${this.dialect.now} + ${later})`
  }

  /** Runs queries that change nothing. */
  async read<T>(run: (db: Kysely<Tables>) => Promise<T>, trx?: HostTransaction): Promise<T> {
    try {
      if (trx) return await run(this.#hostTransaction(trx))
      return await this.#acquired((start) => this.#db.connection().execute((db) => start(() => run(db))))
    } catch (error) {
      throw metadataError(error)
    }
  }

  /**
   * Runs a transaction whose first statement is a write (rule of the protocol: the account's row first), so that it
   * holds the write lock from the start and never fails half-way for having read too early. A lost race runs it again.
   * In the host's transaction it runs once, and what it throws must roll that back.
   */
  async write<T>(run: (trx: Kysely<Tables>) => Promise<T>, trx?: HostTransaction): Promise<T> {
    if (trx) {
      try {
        return await run(this.#hostTransaction(trx))
      } catch (error) {
        throw metadataError(error)
      }
    }
    return this.#persistently(() =>
      this.#acquired((start) => this.#db.transaction().execute((own) => start(() => run(own)))),
    )
  }

  /**
   * Changes the tables, all or nothing. Kysely's migrator does that by itself on PostgreSQL only, though SQLite can:
   * so there it gets a connection on which a transaction was begun.
   */
  async changeSchema(run: (db: Kysely<Tables>) => Promise<void>): Promise<void> {
    if (this.dialect.name === 'postgres') return run(this.#db)
    return this.#persistently(() =>
      this.#db.connection().execute(async (db) => {
        await sql`begin immediate`.execute(db)
        try {
          await run(db)
          await sql`commit`.execute(db)
        } catch (error) {
          await sql`rollback`.execute(db)
          throw error
        }
      }),
    )
  }

  async #persistently<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await pRetry(attempt, {
        retries: attempts - 1,
        minTimeout: 5,
        maxTimeout: 1000,
        factor: 3,
        randomize: true,
        shouldRetry: ({ error }) => isBusy(error) || isLostRace(error),
      })
    } catch (error) {
      throw metadataError(error)
    }
  }

  #hostTransaction(trx: HostTransaction): Kysely<Tables> {
    if (this.#ownFile) {
      throw new BlobStoreError(
        'InvalidArgument',
        'This store keeps its metadata in a file of its own, where a transaction of the host has no effect: ' +
          'leave out `trx`, or give the store the host’s database with kyselyMetadata(db)',
      )
    }
    if (!trx.isTransaction) {
      throw new BlobStoreError(
        'InvalidArgument',
        '`trx` is not a transaction: pass what db.transaction().execute() gives to its callback',
      )
    }
    return ownTables(trx)
  }

  /**
   * Kysely over SQLite has one connection. A call without `trx` inside the host's transaction would wait for that
   * transaction, which waits for the call: say so instead of waiting for ever.
   */
  async #acquired<T>(execute: (start: (run: () => Promise<T>) => Promise<T>) => Promise<T>): Promise<T> {
    let state: 'waiting' | 'running' | 'abandoned' = 'waiting'
    let timer: NodeJS.Timeout | undefined
    const impatient = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        if (state !== 'waiting') return
        state = 'abandoned'
        reject(noConnection())
      }, patience)
    })
    const work = execute((run) => {
      clearTimeout(timer)
      // The transaction that comes too late ends at once, and changes nothing.
      if (state === 'abandoned') throw noConnection()
      state = 'running'
      return run()
    })
    work.catch(() => {}) // after the deadline nobody else listens
    try {
      return await Promise.race([work, impatient])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** The host's Kysely as one of ours: without its plugins, since CamelCasePlugin and the like would rename columns. */
export function ownTables(db: HostDatabase): Kysely<Tables> {
  return db.withoutPlugins() as Kysely<Tables>
}

function noConnection(): BlobStoreError {
  return new BlobStoreError(
    'MetadataBusy',
    `No database connection became free within ${patience / 1000} s. If this call was made inside a transaction of ` +
      'the host, pass that transaction as `trx`; else the database is overloaded',
    { transient: true },
  )
}
