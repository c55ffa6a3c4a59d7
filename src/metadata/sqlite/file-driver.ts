import { setImmediate } from 'node:timers/promises'
import type { Database } from 'better-sqlite3'
import type { CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import type { NewStep, Step, StepDriver } from '../step.ts'
import type { AroundTransactions } from '../transaction.ts'
import { withConnectionTimeout } from '../with-connection-timeout.ts'
import { StatementCache } from './statement-cache.ts'

/**
 * Runs steps on an SQLite file of the store's own. better-sqlite3 is synchronous, so a transaction, or a read, runs
 * from its first statement to its last without a promise, and nothing else in this process runs in between. Only if a
 * transaction pauses does the event loop run within it: until it ends, reads wait. Transactions run one at a time, see
 * `WriteGroup`.
 */
export class FileDriver implements StepDriver {
  readonly #database: Database
  readonly #statements: StatementCache
  readonly #db: Kysely<Tables>
  readonly #around: AroundTransactions
  /** Pending while a transaction is open and the event loop runs. */
  #paused: PromiseWithResolvers<void> | null = null

  /** `db` only builds statements. */
  constructor(database: Database, db: Kysely<Tables>, around: AroundTransactions) {
    this.#database = database
    this.#statements = new StatementCache(database)
    this.#db = db
    this.#around = around
  }

  async read<T>(step: NewStep<T>): Promise<T> {
    const running = step(this.#db)
    while (true) {
      if (this.#paused) await this.#endOfPaused()
      const next = this.#advance(running)
      if (next.done) return next.value
      await setImmediate()
    }
  }

  async transact<T>(step: NewStep<T>): Promise<T> {
    await this.#around.before()
    const result = await this.#transact(step)
    this.#around.committed()
    return result
  }

  /** Must await nothing but a pause: a read in between would see what is not committed. */
  async #transact<T>(step: NewStep<T>): Promise<T> {
    this.#say('begin immediate')
    try {
      const running = step(this.#db)
      let next = this.#advance(running)
      while (!next.done) {
        this.#paused ??= Promise.withResolvers()
        await setImmediate()
        next = this.#advance(running)
      }
      this.#say('commit')
      return next.value
    } catch (error) {
      this.#rollBack()
      throw error
    } finally {
      this.#paused?.resolve()
      this.#paused = null
    }
  }

  /** Runs a step to its end, or to its next pause. */
  #advance<T>(step: Step<T>): IteratorResult<unknown, T> {
    let next = step.next(nothing)
    while (!next.done && next.value !== null) {
      let result: QueryResult<unknown>
      try {
        result = this.#execute(next.value)
      } catch (error) {
        next = step.throw(error)
        continue
      }
      next = step.next(result)
    }
    return next
  }

  #execute({ sql, parameters }: CompiledQuery): QueryResult<unknown> {
    const statement = this.#statements.get(sql)
    if (statement.reader) return { rows: statement.all(parameters) }
    return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) }
  }

  #say(sql: string): void {
    this.#statements.get(sql).run()
  }

  /** ROLLBACK fails if SQLite has already rolled back by itself, as on a full disk. The first error shows the cause. */
  #rollBack(): void {
    try {
      if (this.#database.inTransaction) this.#say('rollback')
    } catch {}
  }

  /** @throws `MetadataBusy` if this takes too long */
  #endOfPaused(): Promise<void> {
    return withConnectionTimeout(async (start) => {
      while (this.#paused) await this.#paused.promise
      start()
    })
  }
}

const nothing: QueryResult<unknown> = { rows: [] }
