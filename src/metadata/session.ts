import { type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely'
import { BlobStoreError } from '../errors.ts'
import type { Dialect } from './dialect.ts'
import { type HostTransaction, ownTables } from './host-database.ts'
import { KyselyDriver, runStep } from './kysely-driver.ts'
import type { Tables } from './schema/tables.ts'
import { metadataError } from './sql-errors.ts'
import type { FileGuard } from './sqlite/file-guard.ts'
import { Placeholder, type Statement, statement, type TimedBuild } from './statement.ts'
import { type NewStep, onlyRow, type Step, type StepDriver } from './step.ts'
import { type AroundTransactions, inTransaction } from './transaction.ts'
import { withConnectionTimeout } from './with-connection-timeout.ts'
import { withRetry } from './with-retry.ts'
import { WriteGroup } from './write-group.ts'

export interface SessionOptions {
  dialect: Dialect
  /** Whether the database is a file of the store's own, on which no transaction of the host can exist. */
  ownFile: boolean
  /** See `placeOf`. */
  place: string | null
  /** Whether commits survive a power cut: whether the settings were checked for it. */
  durable: boolean
  /** The guard of an SQLite file that this process has open. */
  guard: FileGuard | null
  /** What our own connection does around its transactions. */
  around?: AroundTransactions | undefined
  /** Runs the steps. @default through Kysely */
  driver?: StepDriver | undefined
  /** Replaces the database's clock, in tests. */
  now?: (() => number) | undefined
}

/**
 * The only way to the database. Decides what runs when, and in which transaction, and turns the database's errors into
 * the library's.
 */
export class Session {
  readonly dialect: Dialect
  readonly place: string | null
  readonly durable: boolean
  readonly #db: Kysely<Tables>
  readonly #ownFile: boolean
  readonly #guard: FileGuard | null
  readonly #around: AroundTransactions | undefined
  readonly #driver: StepDriver
  readonly #clock: (() => number) | undefined
  readonly #group: WriteGroup = new WriteGroup((step) => this.#transact(step))

  constructor(db: Kysely<Tables>, options: SessionOptions) {
    this.#db = db
    this.dialect = options.dialect
    this.place = options.place
    this.durable = options.durable
    this.#ownFile = options.ownFile
    this.#guard = options.guard
    this.#around = options.around
    this.#driver = options.driver ?? new KyselyDriver(db, { dialect: options.dialect.name })
    this.#clock = options.now
  }

  /**
   * The database's time, or `later` milliseconds after it. One clock for all processes, whatever their machines show.
   */
  now(later = 0): RawBuilder<number> {
    if (this.#clock) return sql`cast(${this.#clock() + later} as bigint)`
    return later === 0 ? this.dialect.now : sql`(${this.dialect.now} + cast(${later} as bigint))`
  }

  /** A {@link statement} that may use times: `now()`, and `now(given.later)` in milliseconds. */
  statement<G extends object, R>(build: TimedBuild<G, R>): Statement<G, R> {
    return statement((db: Kysely<Tables>, given: G) => build(db, given, (later) => this.#nowIn(later)))
  }

  /** As {@link now}, but `later` may be a placeholder, and the clock is read when the statement runs. */
  #nowIn(later: unknown = 0): RawBuilder<number> {
    const clock = this.#clock
    if (!clock) return later === 0 ? this.dialect.now : sql`(${this.dialect.now} + cast(${later} as bigint))`
    const laterIn = Placeholder.resolver(later)
    const time = new Placeholder((given) => clock() + Number(laterIn(given)))
    return sql`cast(${time} as bigint)`
  }

  /** Runs a step that changes nothing. */
  async read<T>(step: NewStep<T>, trx?: HostTransaction): Promise<T> {
    try {
      this.#guard?.assertReadable()
      return await (trx === undefined ? this.#driver.read(step) : this.#inHostTransaction(step, trx))
    } catch (error) {
      throw metadataError(error)
    }
  }

  /**
   * Runs a step in a transaction. A step that changes what an account has begins by writing the account's row, so on
   * any connection it holds the write lock from the start. A step that lost a race, or did not get the lock in time,
   * runs again. In the host's transaction a step runs once, and the host must roll back if it throws.
   */
  async write<T>(step: NewStep<T>, trx?: HostTransaction): Promise<T> {
    if (trx === undefined) {
      return withRetry(() => (this.dialect.name === 'sqlite' ? this.#inGroup(step) : this.#transact(step)))
    }
    try {
      const result = await this.#inHostTransaction(step, trx)
      this.#guard?.check() // the host commits later
      return result
    } catch (error) {
      throw metadataError(error)
    }
  }

  /**
   * Calls a function of the database that does a step, and returns whether it has. The call is a transaction by itself,
   * or a part of the host's. `now` replaces the database's clock, unless it is null.
   */
  async call(query: (now: number | null) => CompiledQuery<{ done: boolean }>, trx?: HostTransaction): Promise<boolean> {
    const step = () => onlyRow(query(this.#clock?.() ?? null))
    // As a read is run: on a connection, without a transaction around it.
    const { done } = trx === undefined ? await withRetry(() => this.#driver.read(step)) : await this.write(step, trx)
    return done
  }

  /**
   * SQLite allows one write at a time, so waiting steps share a transaction. PostgreSQL itself syncs its log for many
   * at once.
   */
  #inGroup<T>(step: NewStep<T>): Promise<T> {
    return withConnectionTimeout((start) =>
      this.#group.run((db) => {
        start()
        return step(db)
      }),
    )
  }

  async #transact<T>(step: NewStep<T>): Promise<T> {
    this.#guard?.assertSafe()
    const result = await this.#driver.transact((db) => this.#checked(step(db)))
    this.#guard?.checkCommitted()
    return result
  }

  /** The guard's check is the last thing before the commit. */
  *#checked<T>(step: Step<T>): Step<T> {
    const result = yield* step
    this.#guard?.check()
    return result
  }

  /** Changes the tables, all or nothing. Uses Kysely on every database. */
  async changeSchema(run: (trx: Kysely<Tables>) => Promise<void>): Promise<void> {
    return withRetry(() =>
      withConnectionTimeout(async (start) => {
        this.#guard?.assertSafe()
        const options = { dialect: this.dialect.name, around: this.#around }
        await inTransaction(this.#db, options, async (trx) => {
          start()
          await run(trx)
          this.#guard?.check()
        })
        this.#guard?.checkCommitted()
      }),
    )
  }

  /** @throws `MetadataUnsafe` if other processes would now open another file */
  assertSameFile(): void {
    this.#guard?.checkFiles()
  }

  /** Releases what it holds itself, but not the connection, which belongs to its owner. */
  end(): void {
    this.#guard?.close()
  }

  #inHostTransaction<T>(step: NewStep<T>, trx: HostTransaction): Promise<T> {
    const db = this.#hostTransaction(trx)
    return runStep(db, step(db))
  }

  #hostTransaction(trx: HostTransaction): Kysely<Tables> {
    if (this.#ownFile) {
      throw new BlobStoreError(
        'InvalidArgument',
        'This store keeps its metadata in a file of its own, where a transaction of the host has no effect: ' +
          'leave out `trx`, or give the store the host’s database with kyselyMetadata(db)',
      )
    }
    if (!trx?.isTransaction) {
      throw new BlobStoreError(
        'InvalidArgument',
        '`trx` is not a transaction: pass what db.transaction().execute() gives to its callback',
      )
    }
    return ownTables(trx)
  }
}
