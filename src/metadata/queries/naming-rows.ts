import { type ExpressionBuilder, type ExpressionWrapper, type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import { statement } from '../statement.ts'
import { changedRows, type Step } from '../step.ts'

/** The tables in which a record names a blob: one that is held, or one that the record waits for. */
export type NamingTable = 'blobstore_ref' | 'blobstore_expected'

const keys = {
  blobstore_ref: ['did', 'cid', 'scope', 'rev', 'record_uri'],
  blobstore_expected: ['did', 'cid', 'record_uri'],
} as const

/**
 * Deletes the rows that match a condition, by whatever index, and returns their number. A subquery finds them, and the
 * deletion is by the whole primary key: with the condition in the DELETE itself, SQLite would walk through all rows of
 * the account.
 */
export function* deleteNamings(trx: Kysely<Tables>, table: NamingTable, condition: RawBuilder<unknown>): Step<number> {
  const key = sql.join(keys[table].map((column) => sql.ref(column)))
  const deletion = sql`delete from ${sql.table(table)} where (${key}) in
    (select ${key} from ${sql.table(table)} where ${condition})`
  return yield* changedRows(deletion.compile(trx))
}

/** Whether any record references a blob, or waits for it. One index search, however many records do. */
export function isNamed(
  eb: ExpressionBuilder<Tables, 'blobstore_blob'>,
  table: NamingTable,
): ExpressionWrapper<Tables, never, SqlBool> {
  return eb.exists(
    sql`(select 1 from ${sql.table(table)} as naming
      where naming.did = blobstore_blob.did and naming.cid = blobstore_blob.cid)`,
  ) as ExpressionWrapper<Tables, never, SqlBool>
}

interface Retyped {
  did: string
  cid: string
  mimeType: string
}

/**
 * Gives a blob another type, unless a record references it: that record names the blob by its present type. Resolves
 * with whether it did.
 */
export function* retype(trx: Kysely<Tables>, blob: Retyped): Step<boolean> {
  const { numAffectedRows } = yield* change(trx, blob)
  return numAffectedRows === 1n
}

const change = statement((db, { did, cid, mimeType }: Retyped) =>
  db
    .updateTable('blobstore_blob')
    .set({ mime_type: mimeType })
    .where('did', '=', did)
    .where('cid', '=', cid)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('blobstore_ref').select('cid').where('did', '=', did).where('cid', '=', cid))),
    ),
)
