import type { Kysely } from 'kysely'
import { publicScope } from '../../blob/scope.ts'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'
import { chunks } from './chunks.ts'

interface Named {
  cid: string
  recordUri: string
}

const findNamed = statement((db, { did, uris }: { did: string; uris: string[] }) => {
  const namedIn = (table: 'blobstore_ref' | 'blobstore_expected', waits: 0 | 1) =>
    db
      .selectFrom(table)
      .select((eb) => ['cid', 'record_uri as recordUri', 'scope', eb.lit(waits).as('waits')])
      .where('did', '=', did)
      .where('record_uri', 'in', uris)
  return namedIn('blobstore_ref', 0).unionAll(namedIn('blobstore_expected', 1))
})

export interface Former {
  cid: string
  recordUri: string
  scope: string
}

/** What these records named before: blobs that the account has, and blobs that they wait for. */
export async function namedBy(
  trx: Kysely<Tables>,
  did: string,
  recordUris: readonly string[],
): Promise<{ references: Former[]; expected: Former[] }> {
  const references: Former[] = []
  const expected: Former[] = []
  for (const uris of chunks(recordUris)) {
    const { rows } = await findNamed(trx, { did, uris })
    for (const row of rows) (row.waits ? expected : references).push(row)
  }
  return { references, expected }
}

/** Deletes the rows of before that are not kept. */
export async function deleteOthers(
  trx: Kysely<Tables>,
  table: 'blobstore_ref' | 'blobstore_expected',
  did: string,
  former: readonly Former[],
  kept: readonly Named[],
): Promise<void> {
  const keep = new Set(kept.map(identify))
  const keepsSome = new Set(kept.map((naming) => naming.recordUri))
  const gone = former.filter((naming) => !keep.has(identify(naming)))
  const [some, all] = [
    gone.filter((naming) => keepsSome.has(naming.recordUri)),
    gone.filter((naming) => !keepsSome.has(naming.recordUri)),
  ]
  for (const uris of chunks([...new Set(all.map((naming) => naming.recordUri))])) {
    // Found by the index on records, deleted by the primary key: asked at once, SQLite walks through all that the
    // account has.
    await trx
      .deleteFrom(table)
      .where(({ eb, refTuple, selectFrom }) =>
        eb(
          refTuple('did', 'cid', 'record_uri'),
          'in',
          selectFrom(table)
            .select(['did', 'cid', 'record_uri'])
            .where('did', '=', did)
            .where('record_uri', 'in', uris)
            .$asTuple('did', 'cid', 'record_uri'),
        ),
      )
      .execute()
  }
  for (const { cid, recordUri } of some) {
    await trx
      .deleteFrom(table)
      .where('did', '=', did)
      .where('cid', '=', cid)
      .where('record_uri', '=', recordUri)
      .execute()
  }
}

/** Those of the CIDs that these records showed to the public, and that no record shows it now. */
export async function hiddenAmong(trx: Kysely<Tables>, did: string, former: readonly Former[]): Promise<string[]> {
  const shown = new Set(former.filter(({ scope }) => scope === publicScope).map((naming) => naming.cid))
  for (const cids of chunks([...shown])) {
    const rows = await trx
      .selectFrom('blobstore_ref')
      .select('cid')
      .distinct()
      .where('did', '=', did)
      .where('cid', 'in', cids)
      .where('scope', '=', publicScope)
      .execute()
    for (const { cid } of rows) shown.delete(cid)
  }
  return [...shown]
}

export const identify = ({ cid, recordUri }: Named): string => `${cid} ${recordUri}`
