import type { Kysely } from 'kysely'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'
import type { UnmetExpectation } from '../uploads.ts'
import { chunks } from './chunks.ts'

/**
 * The account now holds the blob: records that were waiting for it, with this type and size, reference it from here
 * on. Others go on waiting, and are told.
 */
export async function meetExpectations(
  trx: Kysely<Tables>,
  blob: { did: string; cid: string; mimeType: string; size: number },
): Promise<UnmetExpectation[]> {
  const { did, cid } = blob
  const { rows: expected } = await findExpected(trx, { did, cid })
  const isMet = (row: { mime_type: string; size: number | null }) =>
    row.mime_type === blob.mimeType && (row.size === null || Number(row.size) === blob.size)
  const met = expected.filter(isMet)
  for (const some of chunks(met)) {
    await trx
      .insertInto('blobstore_ref')
      .values(some.map(({ record_uri, rev, scope }) => ({ did, cid, record_uri, rev, scope })))
      .onConflict((conflict) => conflict.columns(['did', 'cid', 'record_uri']).doNothing())
      .execute()
    const uris = some.map((row) => row.record_uri)
    await trx
      .deleteFrom('blobstore_expected')
      .where('did', '=', did)
      .where('cid', '=', cid)
      .where('record_uri', 'in', uris)
      .execute()
  }
  if (met.length > 0) {
    await trx
      .updateTable('blobstore_blob')
      .set({ expires_at: null, was_referenced: 1 })
      .where('did', '=', did)
      .where('cid', '=', cid)
      .execute()
  }
  return expected
    .filter((row) => !isMet(row))
    .map((row) => ({
      recordUri: row.record_uri,
      mimeType: row.mime_type,
      size: row.size === null ? null : Number(row.size),
    }))
}

const findExpected = statement((db, { did, cid }: { did: string; cid: string }) =>
  db
    .selectFrom('blobstore_expected')
    .select(['record_uri', 'rev', 'scope', 'mime_type', 'size'])
    .where('did', '=', did)
    .where('cid', '=', cid),
)
