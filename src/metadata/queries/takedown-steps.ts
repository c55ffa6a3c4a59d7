import type { Expression, ExpressionWrapper, Kysely, SqlBool } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { TakedownSteps } from '../contract/accounts.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import { execute, firstRow, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { lockContents } from './delete-blobs.ts'
import { isReleasing } from './purge-rows.ts'
import { everyAccount, hasTakedown } from './takedown-rows.ts'

export function takedownSteps(session: Session): TakedownSteps {
  return {
    takedown: (did, cid, { ref, trx }) =>
      session.write(function* (db) {
        yield* excludeDeletion(db, did, cid)
        yield* execute(
          db
            .insertInto('blobstore_takedown')
            .values({ did, cid, ref, created_at: session.now() })
            .onConflict((conflict) => conflict.columns(['cid', 'did']).doUpdateSet({ ref })),
        )
      }, trx),

    reverseTakedown: (did, cid, { trx }) =>
      session.write(function* (db) {
        const gone = yield* firstRow(
          db.deleteFrom('blobstore_takedown').where('cid', '=', cid).where('did', '=', did).returning('purged'),
        )
        if (gone?.purged === 1 && (yield* isReleasing(db, did, cid))) throw underWay(did, cid)
      }, trx),
  }

  /**
   * A blob that exists when this resolves stays: a deletion either has happened before, or sees the takedown. SQLite
   * has one writer at a time. On PostgreSQL this locks the account's row or, for every account, the content's row,
   * which a deletion locks before it looks for takedowns: see {@link unheldAmong}.
   */
  function* excludeDeletion(db: Kysely<Tables>, did: string, cid: string): Step<void> {
    if (session.dialect.name !== 'postgres') return
    if (did !== everyAccount) yield* lockAccount(db, did)
    else yield* rowsOf(db.selectFrom('blobstore_content').select('cid').where('cid', '=', cid).forKeyShare())
  }
}

/**
 * A reversal during the purge would leave records that wait for a blob that their account has. Once no account has the
 * blob, the bytes can be uploaded again.
 */
function underWay(did: string, cid: string): BlobStoreError {
  const message = 'This blob is being purged; try again when the purge is finished: calling purge again finishes it'
  return new BlobStoreError('BlobTakenDown', message, { ...(did !== everyAccount && { did }), cid, transient: true })
}

/**
 * Whether a blob stays for moderators: it was taken down, for its account or for all, less than `hold` milliseconds
 * ago.
 */
export function isHeld(
  session: Session,
  db: Kysely<Tables>,
  blob: { did: string | Expression<string>; cid: Expression<string> },
  hold: number,
): ExpressionWrapper<Tables, never, SqlBool> {
  return hasTakedown(db, blob, (all) => all.where('blobstore_takedown.created_at', '>', session.now(-hold)))
}

/**
 * Those of the account's blobs that no takedown holds. This stays true until the transaction ends, which must have
 * locked the account.
 */
export function* unheldAmong(
  session: Session,
  trx: Kysely<Tables>,
  did: string,
  cids: readonly string[],
  hold: number,
): Step<string[]> {
  if (hold === 0 || cids.length === 0) return [...cids]
  yield* lockContents(session, trx, cids)
  const rows = yield* rowsOf(
    trx
      .selectFrom('blobstore_blob as blob')
      .select('blob.cid')
      .where('blob.did', '=', did)
      .where('blob.cid', 'in', cids)
      .where((eb) => eb.not(isHeld(session, trx, { did, cid: eb.ref('blob.cid') }, hold))),
  )
  return rows.map((row) => row.cid)
}

export function* isTakenDown(db: Kysely<Tables>, did: string, cid: string): Step<boolean> {
  return (yield* findTakedown(db, { did, cid })).rows.some((row) => row.takenDown)
}

const findTakedown = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectNoFrom(takenDown(db, did, cid).as('takenDown')),
)

/** Whether the CID is taken down for this account, or for all. */
export function takenDown(
  db: Kysely<Tables>,
  did: string,
  cid: string | Expression<string>,
): ExpressionWrapper<Tables, never, SqlBool> {
  return hasTakedown(db, { did, cid })
}
