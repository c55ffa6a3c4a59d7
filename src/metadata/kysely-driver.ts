import { setImmediate } from 'node:timers/promises'
import type { Kysely, QueryResult } from 'kysely'
import type { Tables } from './schema/tables.ts'
import type { NewStep, Step, StepDriver } from './step.ts'
import { inTransaction, type TransactionOptions } from './transaction.ts'
import { withConnectionTimeout } from './with-connection-timeout.ts'

/** Runs steps on a Kysely database, and awaits each statement. */
export class KyselyDriver implements StepDriver {
  readonly #db: Kysely<Tables>
  readonly #options: TransactionOptions

  constructor(db: Kysely<Tables>, options: TransactionOptions) {
    this.#db = db
    this.#options = options
  }

  read<T>(step: NewStep<T>): Promise<T> {
    return withConnectionTimeout((start) =>
      this.#db.connection().execute((db) => {
        start()
        return runStep(db, step(db))
      }),
    )
  }

  transact<T>(step: NewStep<T>): Promise<T> {
    return withConnectionTimeout((start) =>
      inTransaction(this.#db, this.#options, (trx) => {
        start()
        return runStep(trx, step(trx))
      }),
    )
  }
}

/** Runs a step on a connection, or in a transaction of the host. */
export async function runStep<T>(db: Kysely<Tables>, step: Step<T>): Promise<T> {
  let next = step.next(nothing)
  while (!next.done) {
    let result = nothing
    try {
      if (next.value === null) await setImmediate()
      else result = await db.executeQuery(next.value)
    } catch (error) {
      next = step.throw(error)
      continue
    }
    next = step.next(result)
  }
  return next.value
}

/** The result of a pause. */
const nothing: QueryResult<unknown> = { rows: [] }
