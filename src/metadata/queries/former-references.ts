import { type Kysely, sql } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import { type Statement, statement } from '../statement.ts'
import { rowsOf, type Step } from '../step.ts'
import { deleteNamings } from './naming-rows.ts'
import { chunks } from './walks.ts'

interface Named {
  cid: string
  recordUri: string
}

export const findNamed: Statement<{ did: string; uris: string[] }, Former & { waits: number }> = statement(
  (db, { did, uris }) => {
    const namedIn = (table: 'blobstore_ref' | 'blobstore_expected', waits: 0 | 1) =>
      db
        .selectFrom(table)
        .select((eb) => ['cid', 'record_uri as recordUri', 'scope', eb.lit(waits).as('waits')])
        .where('did', '=', did)
        .where('record_uri', 'in', uris)
    return namedIn('blobstore_ref', 0).unionAll(namedIn('blobstore_expected', 1))
  },
)

export interface Former {
  cid: string
  recordUri: string
  scope: string
}

/** The references that these records had before: to blobs that the account holds, and to blobs that they wait for. */
export function* namedBy(
  trx: Kysely<Tables>,
  did: string,
  recordUris: readonly string[],
): Step<{ references: Former[]; expected: Former[] }> {
  const references: Former[] = []
  const expected: Former[] = []
  for (const uris of chunks(recordUris)) {
    const { rows } = yield* findNamed(trx, { did, uris })
    for (const row of rows) (row.waits ? expected : references).push(row)
  }
  return { references, expected }
}

/** Deletes the references that these records had before. */
export function* deleteFormer(
  trx: Kysely<Tables>,
  did: string,
  { references, expected }: { references: readonly Named[]; expected: readonly Named[] },
): Step<void> {
  for (const [table, namings] of [
    ['blobstore_ref', references],
    ['blobstore_expected', expected],
  ] as const) {
    for (const uris of chunks([...new Set(namings.map((naming) => naming.recordUri))])) {
      yield* deleteNamings(trx, table, sql`did = ${did} and record_uri in (${sql.join(uris)})`)
    }
  }
}

/** Of CIDs that records in this scope referenced before: those that no record in it references now. */
export function* hiddenAmong(
  trx: Kysely<Tables>,
  did: string,
  scope: string,
  formerCids: Iterable<string>,
): Step<string[]> {
  const shown = new Set(formerCids)
  for (const cids of chunks([...shown])) {
    const rows = yield* rowsOf(
      trx
        .selectFrom('blobstore_blob as blob')
        .select('cid')
        .where('did', '=', did)
        .where('cid', 'in', cids)
        .where((eb) =>
          eb.exists(
            eb
              .selectFrom('blobstore_ref as ref')
              .select('ref.cid')
              .whereRef('ref.did', '=', 'blob.did')
              .whereRef('ref.cid', '=', 'blob.cid')
              .where('ref.scope', '=', scope),
          ),
        ),
    )
    for (const { cid } of rows) shown.delete(cid)
  }
  return [...shown]
}

export const identify = ({ cid, recordUri }: Named): string => `${cid} ${recordUri}`
