import { setTimeout } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from './dialect.ts'
import type { Tables } from './schema/tables.ts'
import { isConnectionLost } from './sql-errors.ts'

/** What our own connection does around its transactions. */
export interface AroundTransactions {
  /** To be awaited before a transaction begins. */
  before(): Promise<void>
  /** To be called after each commit. */
  committed(): void
}

export interface TransactionOptions {
  dialect: Dialect['name']
  /** Only for a connection of our own. */
  around?: AroundTransactions | undefined
}

/** The time between two attempts to roll back, in milliseconds. */
const pauses = { first: 50, longest: 5000 }

/**
 * Runs something in a transaction, on a connection of its own. Does not use Kysely's own transactions: in 0.28.8 to
 * 0.29.6, a transaction whose ROLLBACK failed keeps its connection for ever, and on SQLite there is no other. There the
 * ROLLBACK fails whenever SQLite has already rolled back by itself, as on a full disk.
 */
export function inTransaction<T>(
  db: Kysely<Tables>,
  { dialect, around }: TransactionOptions,
  run: (trx: Kysely<Tables>) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const work = db.connection().execute(async (connection) => {
      await around?.before()
      await beginning(dialect, around !== undefined).execute(connection)
      try {
        const result = await run(connection)
        await commit(connection)
        around?.committed()
        resolve(result)
      } catch (error) {
        // Rejects with the first error, which shows the cause.
        await rollBack(connection, dialect, () => reject(error))
        reject(error)
      }
    })
    work.catch(reject)
  })
}

/**
 * Our own connection takes SQLite's write lock at once. A deferred transaction would fail at its first write, and
 * waiting would not help.
 */
function beginning(dialect: Dialect['name'], isOwn: boolean): RawBuilder<unknown> {
  if (dialect === 'sqlite') return isOwn ? sql`begin immediate` : sql`begin`
  // The protocol was checked at this level, whatever the host's default is.
  return sql`begin isolation level read committed read write`
}

/**
 * PostgreSQL answers the COMMIT of a failed transaction without an error. Only the command in its answer shows the
 * rollback.
 */
async function commit(connection: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ command?: string }>`commit`.execute(connection)
  if (rows[0]?.command === 'ROLLBACK')
    throw new Error('a statement of the transaction had failed, and it was rolled back')
}

/**
 * If ROLLBACK fails, SQLite has already rolled back by itself, and a lost connection to PostgreSQL has nothing to roll
 * back. Any other connection, such as one that is busy for longer than the host's `query_timeout`, is kept until it has
 * rolled back: otherwise its pool would give it to others within this transaction. `onLate` is called after each
 * attempt that fails there.
 */
async function rollBack(connection: Kysely<Tables>, dialect: Dialect['name'], onLate: () => void): Promise<void> {
  for (let pause = pauses.first; ; pause = Math.min(2 * pause, pauses.longest)) {
    try {
      await sql`rollback`.execute(connection)
      return
    } catch (error) {
      if (dialect === 'sqlite' || isGone(error)) return
      onLate()
      await setTimeout(pause, undefined, { ref: false })
    }
  }
}

/** When pg itself gave up a query, its connection still exists. */
function isGone(error: unknown): boolean {
  return isConnectionLost(error) && (error as Partial<Error>).message !== 'Query read timeout'
}
