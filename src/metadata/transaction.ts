import { setTimeout } from 'node:timers/promises'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Dialect } from './dialect.ts'
import type { Tables } from './schema/tables.ts'
import { isConnectionLost } from './sql-errors.ts'

/** What a connection of our own does around its transactions. */
export interface AroundTransactions {
  /** To be awaited before one begins. */
  before(): Promise<void>
  /** Follows each that was committed. */
  committed(): void
}

export interface TransactionOptions {
  dialect: Dialect['name']
  /** Of a connection of our own. */
  around?: AroundTransactions | undefined
}

/** Between two attempts to roll back, in milliseconds. */
const pauses = { first: 50, longest: 5000 }

/**
 * Runs something in a transaction, on a connection of its own. Not by Kysely's own transactions: in 0.28.8 to 0.29.6 one whose
 * ROLLBACK failed keeps its connection for ever, and on SQLite there is no other. There it fails whenever SQLite has
 * rolled back by itself, as on a full disk.
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
        // The first error tells what happened.
        await rollBack(connection, dialect, () => reject(error))
        reject(error)
      }
    })
    work.catch(reject)
  })
}

/** A connection of our own takes SQLite's write lock at once: begun deferred, it fails at its first write, and waiting cannot help. */
function beginning(dialect: Dialect['name'], isOwn: boolean): RawBuilder<unknown> {
  if (dialect === 'sqlite') return isOwn ? sql`begin immediate` : sql`begin`
  // What the protocol was checked with, whatever the host's default is.
  return sql`begin isolation level read committed read write`
}

/** PostgreSQL answers the COMMIT of a transaction that has failed as if all were well, but for a word. */
async function commit(connection: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ command?: string }>`commit`.execute(connection)
  if (rows[0]?.command === 'ROLLBACK')
    throw new Error('a statement of the transaction had failed, and it was rolled back')
}

/**
 * SQLite has rolled back by itself where it does not do so now, and a connection to PostgreSQL that is lost has none to roll
 * back. Any other, as one that is busy for longer than the host's `query_timeout`, is kept until it has done so: its pool
 * would give it to others within this transaction. `onLate` says that it takes longer.
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

/** A query that pg itself gave up has a connection still. */
function isGone(error: unknown): boolean {
  return isConnectionLost(error) && (error as Partial<Error>).message !== 'Query read timeout'
}
