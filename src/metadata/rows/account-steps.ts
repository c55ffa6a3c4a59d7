import { sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { AccountSteps } from '../metadata.ts'
import type { Session } from '../session.ts'
import { lockAccount } from './account-row.ts'
import { deleteBlobs } from './delete-blobs.ts'
import { assertNotRestored } from './identity-rows.ts'
import { deleteNamings } from './naming-rows.ts'

export function accountSteps(session: Session): AccountSteps {
  return {
    markDeleted: (did) =>
      session.write(async (trx) => {
        const { deletedAt } = await lockAccount(trx, did)
        if (deletedAt !== null) return deletedAt
        const row = await trx
          .updateTable('blobstore_account')
          .set({ deleted_at: session.now(), deleting: 1 })
          .where('did', '=', did)
          .returning('deleted_at')
          .executeTakeFirstOrThrow()
        return Number(row.deleted_at)
      }),

    unfinishedDeletions: (limit) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('blobstore_account')
          .select(['did', 'deleted_at'])
          .where('deleting', '=', 1)
          .limit(limit)
          .execute()
        return rows.map((row) => ({ did: row.did, mark: Number(row.deleted_at) }))
      }),

    deleteSome: (did, mark, { limit, deleteDelay }) =>
      session.write(async (trx) => {
        if ((await lockAccount(trx, did)).deletedAt !== mark) return false // it was reopened meanwhile
        await assertNotRestored(trx)
        for (const table of ['blobstore_expected', 'blobstore_ref'] as const) {
          // Whatever they name: one blob may be named by a million records.
          if ((await deleteNamings(trx, table, sql`did = ${did} order by cid limit ${limit}`)) > 0) return true
        }
        const blobs = await trx.selectFrom('blobstore_blob').select('cid').where('did', '=', did).limit(limit).execute()
        if (blobs.length === 0) {
          await trx.updateTable('blobstore_account').set({ deleting: 0 }).where('did', '=', did).execute()
          return false
        }
        const cids = blobs.map((blob) => blob.cid)
        await deleteBlobs(session, trx, did, cids, deleteDelay)
        return true
      }),

    reopen: (did, { trx }) =>
      session.write(async (db) => {
        await lockAccount(db, did)
        const row = await db
          .updateTable('blobstore_account')
          .set({ deleted_at: null })
          .where('did', '=', did)
          .where('deleting', '=', 0)
          .returning('did')
          .executeTakeFirst()
        if (row) return
        const message = 'What this account had is still being forgotten; try again when it is'
        throw new BlobStoreError('AccountDeleted', message, { did, transient: true })
      }, trx),
  }
}
