import type { Expression, ExpressionWrapper, Kysely, SqlBool } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { TakedownSteps } from '../contract/accounts.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import { firstRow, onlyRow, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { lockContents } from './delete-blobs.ts'
import { isReleasing } from './purge-rows.ts'
import { everyAccount, hasTakedown } from './takedown-rows.ts'

export function takedownSteps(session: Session): Pick<TakedownSteps, 'takedown' | 'reverseTakedown'> {
  return {
    takedown: (did, cid, { ref, by, trx }) =>
      session.write(function* (db) {
        yield* excludeDeletion(db, did, cid)
        const row = yield* onlyRow(
          db
            .insertInto('blobstore_takedown')
            .values({ did, cid, ref, requested_by: by, created_at: session.now() })
            .onConflict((conflict) =>
              conflict.columns(['cid', 'did']).doUpdateSet((eb) => {
                // A quarantine becomes a takedown now. What the inspection found stays, unless there is a note.
                const decided = eb.case().when('blobstore_takedown.quarantined', '=', 1)
                const former = { ref: eb.ref('blobstore_takedown.ref'), at: eb.ref('blobstore_takedown.created_at') }
                return {
                  ref: decided.then(eb.fn.coalesce('excluded.ref', former.ref)).else(ref).end(),
                  created_at: decided.then(session.now()).else(former.at).end(),
                  requested_by: by,
                  quarantined: 0,
                }
              }),
            )
            .returning('created_at'),
        )
        return Number(row.created_at)
      }, trx),

    reverseTakedown: (did, cid, { onlyQuarantined = false, trx }) =>
      session.write(function* (db) {
        const gone = yield* firstRow(
          db
            .deleteFrom('blobstore_takedown')
            .where('cid', '=', cid)
            .where('did', '=', did)
            .$if(onlyQuarantined, (query) => query.where('quarantined', '=', 1))
            .returning('purged'),
        )
        if (gone?.purged === 1 && (yield* isReleasing(db, did, cid))) throw underWay(did, cid)
        const other = did === everyAccount ? isTakenDownAnywhere(db, { cid }) : findTakedown(db, { did, cid })
        const stillTakenDown = (yield* other).rows.some((row) => row.takenDown)
        return { reversed: gone !== undefined, stillTakenDown }
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

const isTakenDownAnywhere = statement((db, { cid }: { cid: string }) =>
  db.selectNoFrom(({ exists }) =>
    exists(db.selectFrom('blobstore_takedown').select('did').where('cid', '=', cid)).as('takenDown'),
  ),
)

const findTakedown = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectNoFrom(takenDown(db, did, cid).as('takenDown')),
)

/** Whether the CID is taken down for this account, or for all. */
export function takenDown(
  db: Kysely<Tables>,
  did: string | Expression<string>,
  cid: string | Expression<string>,
): ExpressionWrapper<Tables, never, SqlBool> {
  return hasTakedown(db, { did, cid })
}
