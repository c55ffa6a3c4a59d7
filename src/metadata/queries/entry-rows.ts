import { randomInt } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import type { Entry } from '../contract/processes.ts'
import type { Dialect } from '../dialect.ts'
import type { TimedBuild } from '../statement.ts'

/**
 * Never used before: random, because a restored database would count again from an old value. Ten digits, so that no epoch
 * is as large.
 */
export const newNumber = (): number => randomInt(9_000_000_001, 10_000_000_000)

/**
 * Finds the entry if it is open, and the backend in use. On PostgreSQL locks both until the transaction ends: whoever closes
 * or retires them waits. SQLite has one writer at a time.
 */
export const findEntry =
  (dialect: Dialect['name']): TimedBuild<Entry & { backend: string }, { number: unknown }> =>
  (db, { id, number, backend }) =>
    db
      .selectFrom(['blobstore_process', 'blobstore_backend'])
      .select('number')
      .where('id', '=', id)
      .where('number', '=', number)
      .where('name', '=', backend)
      .$if(dialect === 'postgres', (query) => query.forKeyShare())

/** The transactions on PostgreSQL that hold an entry, in this connection's database: those of commits, for the most part. */
export const holdersOfEntries: RawBuilder<{ holder: string }> = sql<{
  holder: string
}>`select virtualtransaction as holder from pg_locks
  where relation = 'blobstore_process'::regclass and mode = 'RowShareLock' and granted
    and database = (select oid from pg_database where datname = current_database())`
