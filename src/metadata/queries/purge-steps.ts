import type { PurgeSteps } from '../contract/purges.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, rowsOf } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { assertNotRestored } from './identity-rows.ts'
import { decodeCursor, encodeCursor, notACursor, pageOf } from './list-referenced.ts'
import { isHeldYet, isPurged, isShared, keysOf, toRecord } from './purge-rows.ts'
import { releasePurged } from './release-purged.ts'
import { everyAccount } from './takedown-rows.ts'
import { endUploadsOf, uploadsUnderWay } from './uploads-under-way.ts'

export function purgeSteps(session: Session): PurgeSteps {
  return {
    beginPurge: ({ id, did, cid, reason, by }) =>
      session.write(function* (trx) {
        // For one account: a commit of its upload either has happened before, or sees the takedown. For all: see
        // `awaitUploads`.
        if (did !== everyAccount) yield* lockAccount(trx, did)
        yield* execute(
          trx
            .insertInto('blobstore_takedown')
            .values({ did, cid, ref: null, requested_by: by, created_at: session.now(), purged: 1 })
            .onConflict((conflict) => conflict.columns(['cid', 'did']).doUpdateSet({ purged: 1, quarantined: 0 })),
        )
        if (did !== everyAccount) yield* endUploadsOf(session, trx, did, cid)
        const meta = yield* firstRow(trx.selectFrom('blobstore_meta').select('backed_up_at'))
        yield* execute(
          trx.insertInto('blobstore_purge_record').values({
            ...{ id, did, cid, reason, requested_by: by, purged_at: session.now() },
            ...{ unfinished: 1, key_count: 0, gone_at: null, shared: 0, backed_up_at: meta?.backed_up_at ?? null },
          }),
        )
      }),

    awaitUploads: uploadsUnderWay(session),

    purgedHolders: (did, cid, { after, limit }) =>
      session.read(function* (db) {
        if (!(yield* isPurged(db, did, cid))) return []
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_blob')
            .select('did')
            .where('cid', '=', cid)
            .where('did', '>', after)
            .$if(did !== everyAccount, (query) => query.where('did', '=', did))
            .orderBy('did')
            .limit(limit),
        )
        return rows.map((row) => row.did)
      }),

    releasePurged: (did, cid, { limit }) => session.write((trx) => releasePurged(session, trx, { did, cid, limit })),

    purgedKeys: (did, cid, { after, limit }) =>
      session.read(function* (db) {
        yield* assertNotRestored(db)
        if (yield* isShared(db, did, cid)) return []
        const { from, to } = keysOf(cid)
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_doomed')
            .select(['key', 'backend', 'did', 'size'])
            .select((eb) => eb('not_before', '<=', session.now()).as('due'))
            .where('key', '>', after === '' ? from : after)
            .where('key', '<', to)
            .where('backend', 'is not', null)
            .orderBy('key')
            .limit(limit),
        )
        return rows.map((row) => ({ ...row, size: Number(row.size), due: Boolean(row.due) }))
      }),

    endPurge: (did, cid, { keys, complete }) =>
      session.write(function* (trx) {
        const unfinished = trx
          .updateTable('blobstore_purge_record')
          .where('cid', '=', cid)
          .where('did', '=', did)
          .where('unfinished', '=', 1)
        // A later attempt finds fewer keys, because the tombstones of deleted keys are removed. The update runs even if
        // it changes nothing, so that the transaction begins with a write.
        yield* execute(unfinished.set({ key_count: keys }).where('key_count', '<', keys))
        if (!complete || (yield* isHeldYet(trx, did, cid))) return
        const isLeft = yield* isShared(trx, did, cid)
        const goneAt = isLeft ? null : session.now()
        yield* execute(unfinished.set({ unfinished: 0, shared: isLeft ? 1 : 0, gone_at: goneAt }))
      }),

    purgeRecord: (id) =>
      session.read(function* (db) {
        const row = yield* firstRow(db.selectFrom('blobstore_purge_record').selectAll().where('id', '=', id))
        return row ? toRecord(row) : null
      }),

    openPurges: ({ after, limit }) =>
      session.read((db) =>
        rowsOf(
          db
            .selectFrom('blobstore_purge_record')
            .select(['id', 'did', 'cid'])
            .where('unfinished', '=', 1)
            .where('id', '>', after)
            .orderBy('id')
            .limit(limit),
        ),
      ),

    recentPurges: ({ within, after, limit }) =>
      session.read(function* (db) {
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_purge_record')
            .select(['id', 'did', 'cid', 'purged_at as purgedAt'])
            .where('purged_at', '>', session.now(-within))
            .$if(after !== null, (query) =>
              query.where(({ eb, refTuple, tuple }) =>
                eb(refTuple('purged_at', 'id'), '<', tuple(after?.purgedAt ?? 0, after?.id ?? '')),
              ),
            )
            .orderBy('purged_at', 'desc')
            .orderBy('id', 'desc')
            .limit(limit),
        )
        return rows.map((row) => ({ ...row, purgedAt: Number(row.purgedAt) }))
      }),

    listPurges: ({ limit, cursor, trx }) =>
      session.read(function* (db) {
        const after = decodeCursor('purges', cursor)
        const purgedAt = Number(after?.[0])
        if (after && (after[0] === '' || !Number.isSafeInteger(purgedAt))) throw notACursor()
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_purge_record')
            .selectAll()
            .$if(after !== null, (query) =>
              query.where(({ eb, refTuple, tuple }) =>
                eb(refTuple('purged_at', 'id'), '<', tuple(purgedAt, after?.[1] ?? '')),
              ),
            )
            .orderBy('purged_at', 'desc')
            .orderBy('id', 'desc')
            .limit(limit + 1),
        )
        const { items, ...rest } = pageOf(rows, limit, (row) => encodeCursor('purges', String(row.purged_at), row.id))
        return { items: items.map(toRecord), ...rest }
      }, trx),
  }
}
