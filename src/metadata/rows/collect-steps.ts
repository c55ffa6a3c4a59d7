import type { ExpressionBuilder, SelectQueryBuilder } from 'kysely'
import { printable } from '../../printable.ts'
import type { CollectSteps } from '../garbage.ts'
import type { Session } from '../session.ts'
import type { Tables } from '../tables.ts'
import { lockAccount } from './account-row.ts'
import { chunks } from './chunks.ts'
import { deleteBlobs } from './delete-blobs.ts'
import { assertNotRestored } from './identity-rows.ts'
import { isHeld, unheldAmong } from './takedown-steps.ts'
import { endUpload } from './upload-steps.ts'

export function collectSteps(session: Session): CollectSteps {
  return {
    clock: () =>
      session.read(async (db) => {
        const row = await db.selectNoFrom(session.now().as('now')).executeTakeFirstOrThrow()
        return Number(row.now)
      }),

    expiredBlobs: ({ after, limit, takedownHold }) =>
      session.read(async (db) => {
        await assertNotRestored(db)
        const rows = await db
          .selectFrom('blobstore_blob as blob')
          .select(['blob.did', 'blob.cid', 'blob.expires_at', 'blob.was_referenced'])
          .select((eb) => eb.exists(referencesOf(eb)).as('referenced'))
          .where('blob.expires_at', 'is not', null)
          .where('blob.expires_at', '<=', session.now())
          // Said apart, for the index: where the page begins, and which of those that expired then come after.
          .$if(after !== null, (query) => query.where('blob.expires_at', '>=', after?.expiresAt ?? 0))
          .$if(after !== null, (query) =>
            query.where(({ eb, and, or }) =>
              or([
                eb('blob.expires_at', '>', after?.expiresAt ?? 0),
                eb('blob.did', '>', after?.did ?? ''),
                and([eb('blob.did', '=', after?.did ?? ''), eb('blob.cid', '>', after?.cid ?? '')]),
              ]),
            ),
          )
          .$if(takedownHold > 0, (query) =>
            query.where((eb) =>
              eb.not(isHeld(session, db, { did: eb.ref('blob.did'), cid: eb.ref('blob.cid') }, takedownHold)),
            ),
          )
          .orderBy('blob.expires_at')
          .orderBy('blob.did')
          .orderBy('blob.cid')
          .limit(limit)
          .execute()
        return rows.map((row) => ({
          did: row.did,
          cid: row.cid,
          expiresAt: Number(row.expires_at),
          referenced: Boolean(row.referenced),
          wasReferenced: Boolean(row.was_referenced),
        }))
      }),

    countBlobs: (dids) =>
      session.read(async (db) => {
        const { accounts } = await db
          .selectFrom('blobstore_account')
          .select(({ fn }) => fn.countAll().as('accounts'))
          .where('count', '>', 0)
          .executeTakeFirstOrThrow()
        const blobs = new Map<string, number>()
        for (const some of chunks(dids)) {
          const rows = await db
            .selectFrom('blobstore_account')
            .select(['did', 'count'])
            .where('did', 'in', some)
            .execute()
          for (const row of rows) blobs.set(row.did, Number(row.count))
        }
        return { accounts: Number(accounts), blobs }
      }),

    collectBlobs: (did, cids, { deleteDelay, takedownHold }) =>
      session.write(async (trx) => {
        await lockAccount(trx, did)
        await assertNotRestored(trx)
        const referenced = await trx
          .selectFrom('blobstore_ref')
          .select('cid')
          .distinct()
          .where('did', '=', did)
          .where('cid', 'in', cids)
          .execute()
        // One that is referenced needs no further look until it loses a reference, which sets the expiry anew.
        if (referenced.length > 0) {
          await trx
            .updateTable('blobstore_blob')
            .set({ expires_at: null })
            .where('did', '=', did)
            .where(
              'cid',
              'in',
              referenced.map((ref) => ref.cid),
            )
            .execute()
        }
        const expired = await trx
          .selectFrom('blobstore_blob')
          .select('cid')
          .where('did', '=', did)
          .where('cid', 'in', cids)
          .where('expires_at', '<=', session.now())
          .execute()
        const due = expired.map((blob) => blob.cid)
        return deleteBlobs(session, trx, did, await unheldAmong(session, trx, did, due, takedownHold), deleteDelay)
      }),

    postponeBlobs: (did, cids, { delay }) =>
      session.write(async (trx) => {
        await lockAccount(trx, did)
        await trx
          .updateTable('blobstore_blob')
          .set({ expires_at: session.now(delay) })
          .where('did', '=', did)
          .where('cid', 'in', cids)
          .where('expires_at', 'is not', null)
          .execute()
      }),

    expiredUploads: (limit) =>
      session.read(async (db) => {
        await assertNotRestored(db)
        return db
          .selectFrom('blobstore_upload')
          .select(['did', 'key'])
          .where('lease_until', '<=', session.now())
          .orderBy('lease_until')
          .limit(limit)
          .execute()
      }),

    collectUpload: (did, key, { unusedDelay }) =>
      session.write(async (trx) => {
        if (did !== null) await lockAccount(trx, did)
        await assertNotRestored(trx)
        const row = await trx
          .deleteFrom('blobstore_upload')
          .where('key', '=', key)
          .where('lease_until', '<=', session.now())
          .returning(['key', 'backend', 'did', 'cid', 'reserved'])
          .executeTakeFirst()
        if (!row) return false
        await endUpload(session, trx, row, unusedDelay)
        return true
      }),

    dueKeys: (limit, at) =>
      session.read(async (db) => {
        await assertNotRestored(db)
        const rows = await db
          .selectFrom('blobstore_doomed')
          .select(['key', 'backend', 'did', 'size'])
          .where('not_before', '<=', at)
          .orderBy('not_before')
          .limit(limit)
          .execute()
        return rows.map((row) => ({ ...row, size: Number(row.size) }))
      }),

    forgetKeys: async (keys) => {
      const byAccount = Map.groupBy(keys, (key) => key.did)
      for (const [did, some] of byAccount) {
        await session.write(async (trx) => {
          if (did !== null) await lockAccount(trx, did)
          const dropped = await trx
            .deleteFrom('blobstore_doomed')
            .where(
              'key',
              'in',
              some.map((doomed) => doomed.key),
            )
            .returning('size')
            .execute()
          const pending = dropped.reduce((sum, row) => sum + Number(row.size), 0)
          if (did !== null) await lockAccount(trx, did, { pending: -pending })
        })
      }
    },

    postponeKeys: async (keys, { error, delay }) => {
      for (const some of chunks(keys)) {
        await session.write(async (trx) => {
          await trx
            .updateTable('blobstore_doomed')
            .set((eb) => ({
              attempts: eb('attempts', '+', 1),
              last_error: printable(error, 500),
              not_before: session.now(delay),
            }))
            .where('key', 'in', some)
            .execute()
        })
      }
    },

    countDue: () =>
      session.read(async (db) => {
        await assertNotRestored(db)
        const uploads = await db
          .selectFrom('blobstore_upload')
          .select((eb) => eb.fn.countAll().as('count'))
          .where('lease_until', '<=', session.now())
          .executeTakeFirstOrThrow()
        const keys = await db
          .selectFrom('blobstore_doomed')
          .select(({ fn }) => [fn.countAll().as('count'), fn.sum('size').as('bytes')])
          .where('backend', 'is not', null)
          .where('not_before', '<=', session.now())
          .executeTakeFirstOrThrow()
        return {
          uploads: Number(uploads.count),
          keys: Number(keys.count),
          bytes: Number(keys.bytes ?? 0),
        }
      }),

    countDoomed: () =>
      session.read(async (db) => {
        const row = await db
          .selectFrom('blobstore_doomed')
          .select((eb) => eb.fn.countAll().as('count'))
          .where('backend', 'is not', null)
          .executeTakeFirstOrThrow()
        return Number(row.count)
      }),
  }
}

type Blobs = Tables & { blob: Tables['blobstore_blob'] }

function referencesOf(
  eb: ExpressionBuilder<Blobs, 'blob'>,
): SelectQueryBuilder<Blobs & { ref: Tables['blobstore_ref'] }, 'blob' | 'ref', { cid: string }> {
  return eb
    .selectFrom('blobstore_ref as ref')
    .select('ref.cid')
    .whereRef('ref.did', '=', 'blob.did')
    .whereRef('ref.cid', '=', 'blob.cid')
}
