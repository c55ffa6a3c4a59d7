import { type Kysely, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { AccountSteps } from '../contract/accounts.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, onlyRow, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { deleteBlobs } from './delete-blobs.ts'
import { endingResumables } from './forget-resumables.ts'
import { assertNotRestored } from './identity-rows.ts'
import { letGo } from './kept-blobs.ts'
import { deleteNamings } from './naming-rows.ts'
import { isHeld, unheldAmong } from './takedown-steps.ts'

export function accountSteps(session: Session): AccountSteps {
  return {
    markDeleted: (did) =>
      session.write(function* (trx) {
        const { deletedAt } = yield* lockAccount(trx, did)
        if (deletedAt !== null) return deletedAt
        const row = yield* onlyRow(
          trx
            .updateTable('blobstore_account')
            .set({ deleted_at: session.now(), deleting: 1 })
            .where('did', '=', did)
            .returning('deleted_at'),
        )
        yield* execute(endingResumables(session, trx, did))
        return Number(row.deleted_at)
      }),

    unfinishedDeletions: (limit) =>
      session.read(function* (db) {
        const rows = yield* rowsOf(
          db.selectFrom('blobstore_account').select(['did', 'deleted_at']).where('deleting', '=', 1).limit(limit),
        )
        return rows.map((row) => ({ did: row.did, mark: Number(row.deleted_at) }))
      }),

    deleteSome: (did, mark, { limit, deleteDelay, takedownHold }) =>
      session.write(function* (trx) {
        if ((yield* lockAccount(trx, did)).deletedAt !== mark) return false // it was reopened meanwhile
        yield* assertNotRestored(trx)
        for (const table of ['blobstore_expected', 'blobstore_ref'] as const) {
          // The limit counts rows, not blobs: a million records may name one blob.
          if ((yield* deleteNamings(trx, table, sql`did = ${did} order by cid limit ${limit}`)) > 0) return true
        }
        const blobs = yield* rowsOf(
          trx
            .selectFrom('blobstore_blob')
            .select('cid')
            .where('did', '=', did)
            .$if(takedownHold > 0, (query) =>
              query.where((eb) =>
                eb.not(isHeld(session, trx, { did, cid: eb.ref('blobstore_blob.cid') }, takedownHold)),
              ),
            )
            .limit(limit),
        )
        if (blobs.length === 0) {
          if (takedownHold > 0 && (yield* expireHeld(trx, did, limit))) return true
          yield* execute(trx.updateTable('blobstore_account').set({ deleting: 0 }).where('did', '=', did))
          return false
        }
        const cids = yield* unheldAmong(
          session,
          trx,
          did,
          blobs.map((blob) => blob.cid),
          takedownHold,
        )
        if (cids.length === 0) return true // taken down since the query
        yield* deleteBlobs(session, trx, did, cids, deleteDelay)
        return true
      }),

    reopen: (did, { trx }) =>
      session.write(function* (db) {
        yield* lockAccount(db, did)
        const row = yield* firstRow(
          db
            .updateTable('blobstore_account')
            .set({ deleted_at: null })
            .where('did', '=', did)
            .where('deleting', '=', 0)
            .returning('did'),
        )
        if (row) return
        const message = 'What this account had is still being forgotten; try again when it is'
        throw new BlobStoreError('AccountDeleted', message, { did, transient: true })
      }, trx),
  }

  /**
   * Makes the blobs that a takedown holds temporary: they are collected when the hold ends. Resolves with whether there
   * were any.
   */
  function* expireHeld(trx: Kysely<Tables>, did: string, limit: number): Step<boolean> {
    const held = yield* rowsOf(
      trx
        .selectFrom('blobstore_blob')
        .select('cid')
        .where('did', '=', did)
        .where('expires_at', 'is', null)
        .limit(limit),
    )
    yield* letGo(trx, { did, cids: held.map((blob) => blob.cid) }, session.now())
    return held.length > 0
  }
}
