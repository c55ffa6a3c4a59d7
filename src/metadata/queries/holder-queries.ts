import type { BlobQueries } from '../contract/queries.ts'
import type { Session } from '../session.ts'
import { firstRow, rowsOf } from '../step.ts'
import { decodeCursor, encodeCursor, notACursor, pageOf } from './list-referenced.ts'
import { takenDown } from './takedown-steps.ts'

/** Queries about a CID in all accounts, for operators. */
export function holderQueries(session: Session): Pick<BlobQueries, 'listHolders' | 'locate'> {
  return {
    listHolders: (cid, { limit, cursor, trx }) =>
      session.read(function* (db) {
        const after = decodeCursor('holders', cursor)
        if (after && after[0] !== cid) throw notACursor()
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_blob as blob')
            .select(['blob.did', 'blob.mime_type', 'blob.size', 'blob.created_at'])
            .select((eb) => [
              eb
                .exists(
                  eb
                    .selectFrom('blobstore_ref as ref')
                    .select('ref.cid')
                    .whereRef('ref.did', '=', 'blob.did')
                    .where('ref.cid', '=', cid),
                )
                .as('referenced'),
              takenDown(db, eb.ref('blob.did'), cid).as('taken_down'),
              eb
                .exists(
                  eb
                    .selectFrom('blobstore_account as account')
                    .select('account.did')
                    .whereRef('account.did', '=', 'blob.did')
                    .where('account.deleted_at', 'is not', null),
                )
                .as('deleted'),
            ])
            .where('blob.cid', '=', cid)
            .where('blob.did', '>', after?.[1] ?? '')
            .orderBy('blob.did')
            .limit(limit + 1),
        )
        const holders = rows.map((row) => ({
          did: row.did,
          mimeType: row.mime_type,
          size: Number(row.size),
          createdAt: new Date(Number(row.created_at)),
          referenced: Boolean(row.referenced),
          takenDown: Boolean(row.taken_down),
          deleted: Boolean(row.deleted),
        }))
        return pageOf(holders, limit, (holder) => encodeCursor('holders', cid, holder.did))
      }, trx),

    locate: (cid, { trx }) =>
      session.read(function* (db) {
        const row = yield* firstRow(
          db.selectFrom('blobstore_content').select(['backend', 'key', 'size', 'verified_at']).where('cid', '=', cid),
        )
        if (!row) return null
        const { backend, key, size, verified_at: verifiedAt } = row
        return {
          backend,
          key,
          size: Number(size),
          verifiedAt: verifiedAt === null ? null : new Date(Number(verifiedAt)),
        }
      }, trx),
  }
}
