import { type SqlBool, sql } from 'kysely'
import { printable } from '../../printable.ts'
import type { CollectSteps } from '../contract/collection.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, onlyRow, rowsOf } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { deleteBlobs } from './delete-blobs.ts'
import { countDoomed } from './doomed-rows.ts'
import { assertNotRestored } from './identity-rows.ts'
import { keepBlobs } from './kept-blobs.ts'
import { isNamed } from './naming-rows.ts'
import { addUp } from './sums.ts'
import { isHeld, unheldAmong } from './takedown-steps.ts'
import { endUpload } from './upload-steps.ts'
import { chunks } from './walks.ts'

export function collectSteps(session: Session): Omit<CollectSteps, 'bringBack'> {
  return {
    clock: () =>
      session.read(function* (db) {
        const row = yield* onlyRow(db.selectNoFrom(session.now().as('now')))
        return Number(row.now)
      }),

    expiredBlobs: ({ after, limit, takedownHold }) =>
      session.read(function* (db) {
        yield* assertNotRestored(db)
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_blob')
            .select(['did', 'cid', 'expires_at', 'was_referenced'])
            .select((eb) => [
              isNamed(eb, 'blobstore_ref').as('referenced'),
              isNamed(eb, 'blobstore_expected').as('waited'),
            ])
            .where('expires_at', 'is not', null)
            .where('expires_at', '<=', session.now())
            .$if(after !== null, (query) =>
              query.where(({ eb, refTuple, tuple }) =>
                eb(
                  refTuple('expires_at', 'did', 'cid'),
                  '>',
                  tuple(after?.expiresAt ?? 0, after?.did ?? '', after?.cid ?? ''),
                ),
              ),
            )
            .$if(takedownHold > 0, (query) =>
              query.where((eb) => {
                const blob = { did: eb.ref('blobstore_blob.did'), cid: eb.ref('blobstore_blob.cid') }
                return eb.not(isHeld(session, db, blob, takedownHold))
              }),
            )
            .orderBy('expires_at')
            .orderBy('did')
            .orderBy('cid')
            .limit(limit),
        )
        return rows.map((row) => ({
          did: row.did,
          cid: row.cid,
          expiresAt: Number(row.expires_at),
          referenced: Boolean(row.referenced) || Boolean(row.waited),
          waited: Boolean(row.waited),
          wasReferenced: Boolean(row.was_referenced),
        }))
      }),

    countBlobs: async (dids) => {
      const where = sql<SqlBool>`count > 0`
      const { rows: accounts } = await addUp(session, { table: 'blobstore_account', along: 'did', where })
      const blobs = new Map<string, number>()
      for (const some of chunks(dids)) {
        const rows = await session.read((db) =>
          rowsOf(db.selectFrom('blobstore_account').select(['did', 'count']).where('did', 'in', some)),
        )
        for (const row of rows) blobs.set(row.did, Number(row.count))
      }
      return { accounts, blobs }
    },

    collectBlobs: (did, cids, { deleteDelay, takedownHold }) =>
      session.write(function* (trx) {
        yield* lockAccount(trx, did)
        yield* assertNotRestored(trx)
        const blobs = yield* rowsOf(
          trx
            .selectFrom('blobstore_blob')
            .select((eb) => [
              'cid',
              isNamed(eb, 'blobstore_ref').as('referenced'),
              isNamed(eb, 'blobstore_expected').as('waited'),
              eb('expires_at', '<=', session.now()).as('expired'),
            ])
            .where('did', '=', did)
            .where('cid', 'in', cids),
        )
        // A referenced blob needs no further check until it loses its last reference, which sets a new expiry.
        const kept = blobs.filter((blob) => blob.referenced)
        if (kept.length > 0) yield* keepBlobs(trx, { did, cids: kept.map((blob) => blob.cid) })
        const gone = blobs.filter((blob) => !blob.referenced && !blob.waited && blob.expired)
        const due = gone.map((blob) => blob.cid)
        const unheld = yield* unheldAmong(session, trx, did, due, takedownHold)
        return yield* deleteBlobs(session, trx, did, unheld, deleteDelay)
      }),

    postponeBlobs: (did, cids, { delay }) =>
      session.write(function* (trx) {
        yield* lockAccount(trx, did)
        yield* execute(
          trx
            .updateTable('blobstore_blob')
            .set({ expires_at: session.now(delay) })
            .where('did', '=', did)
            .where('cid', 'in', cids)
            .where('expires_at', 'is not', null),
        )
      }),

    expiredUploads: (limit) =>
      session.read(function* (db) {
        yield* assertNotRestored(db)
        return yield* rowsOf(
          db
            .selectFrom('blobstore_upload')
            .select(['did', 'key'])
            .where('lease_until', '<=', session.now())
            .orderBy('lease_until')
            .limit(limit),
        )
      }),

    collectUpload: (did, key, { unusedDelay }) =>
      session.write(function* (trx) {
        if (did !== null) yield* lockAccount(trx, did)
        yield* assertNotRestored(trx)
        const row = yield* firstRow(
          trx
            .deleteFrom('blobstore_upload')
            .where('key', '=', key)
            .where('lease_until', '<=', session.now())
            .returning(['key', 'backend', 'did', 'cid', 'reserved']),
        )
        if (!row) return false
        yield* endUpload(session, trx, row, unusedDelay)
        return true
      }),

    dueKeys: (limit, at) =>
      session.read(function* (db) {
        yield* assertNotRestored(db)
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_doomed')
            .select(['key', 'backend', 'did', 'size'])
            .where('not_before', '<=', at)
            .orderBy('not_before')
            .limit(limit),
        )
        return rows.map((row) => ({ ...row, size: Number(row.size) }))
      }),

    forgetKeys: async (keys) => {
      const byAccount = Map.groupBy(keys, (key) => key.did)
      for (const [did, some] of byAccount) {
        await session.write(function* (trx) {
          if (did !== null) yield* lockAccount(trx, did)
          const dropped = yield* rowsOf(
            trx
              .deleteFrom('blobstore_doomed')
              .where(
                'key',
                'in',
                some.map((doomed) => doomed.key),
              )
              .returning('size'),
          )
          const pending = dropped.reduce((sum, row) => sum + Number(row.size), 0)
          if (did !== null) yield* lockAccount(trx, did, { pending: -pending })
        })
      }
    },

    postponeKeys: async (keys, { error, delay }) => {
      for (const some of chunks(keys)) {
        await session.write(function* (trx) {
          yield* execute(
            trx
              .updateTable('blobstore_doomed')
              .set((eb) => ({
                attempts: eb('attempts', '+', 1),
                last_error: printable(error, 500),
                not_before: session.now(delay),
              }))
              .where('key', 'in', some),
          )
        })
      }
    },

    countDue: async () => {
      await session.read(assertNotRestored)
      const { rows: uploads } = await addUp(session, {
        table: 'blobstore_upload',
        along: 'key',
        where: sql<SqlBool>`lease_until <= ${session.now()}`,
      })
      const keys = await addUp(session, {
        table: 'blobstore_doomed',
        along: 'key',
        columns: ['size'],
        where: sql<SqlBool>`backend is not null and not_before <= ${session.now()}`,
      })
      return { uploads, keys: keys.rows, bytes: keys.size }
    },

    countDoomed: () => countDoomed(session),
  }
}
