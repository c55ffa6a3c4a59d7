import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Tables } from './schema/tables.ts'

/**
 * The work of a transaction, or of a read: a generator that yields each statement, and continues with its result or
 * with the error that it caused. It yields null for a {@link pause}. So each step is written once, and runs in both
 * ways: on the store's own file without promises, and through Kysely with a promise for each statement. See {@link
 * StepDriver}.
 */
export type Step<T> = Generator<CompiledQuery | null, T, QueryResult<unknown>>

/**
 * Begins a step, from the start at each call: a transaction may run more than once. `db` builds the statements, and
 * runs none.
 */
export type NewStep<T> = (db: Kysely<Tables>) => Step<T>

/** Runs steps on a database. Both reject with what the step throws, or with the driver's error. */
export interface StepDriver {
  /** Runs a step that only reads: never within another transaction, nor between two statements of one. */
  read<T>(step: NewStep<T>): Promise<T>
  /**
   * Runs a step in a transaction. All of it is committed when this resolves, and nothing of it stays when this rejects.
   */
  transact<T>(step: NewStep<T>): Promise<T>
}

type Query<R> = Compilable<R> | CompiledQuery<R>

/** Runs a statement. */
export function* execute<R>(query: Query<R>): Step<QueryResult<R>> {
  return (yield 'compile' in query ? query.compile() : query) as QueryResult<R>
}

export function* rowsOf<R>(query: Query<R>): Step<R[]> {
  return (yield* execute(query)).rows
}

export function* firstRow<R>(query: Query<R>): Step<R | undefined> {
  return (yield* execute(query)).rows[0]
}

/** The row of a statement that always has one. */
export function* onlyRow<R>(query: Query<R>): Step<R> {
  const row = yield* firstRow(query)
  if (row === undefined) throw new Error('A statement of the blob store gave no row, where there always is one')
  return row
}

/** How many rows a statement has inserted, updated or deleted. */
export function* changedRows(query: Query<unknown>): Step<number> {
  return Number((yield* execute(query)).numAffectedRows ?? 0n)
}

/** Lets the event loop run. For steps of many statements. */
export function* pause(): Step<void> {
  yield null
}
