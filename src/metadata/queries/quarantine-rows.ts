import type { Expression, ExpressionWrapper, Kysely, SqlBool } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import { execute, onlyRow, type Step } from '../step.ts'
import { hasTakedown } from './takedown-rows.ts'

// A quarantine is a takedown of one account's blob that waits for a moderator's decision. Until then it only hides the
// blob: records may reference it, and it may be uploaded again. It begins and ends with the blob, in the same
// transactions, so that an upload never shows a quarantined blob, and no row stays that nobody can decide about.

/** Whether the CID is taken down by a decision, for this account or for all: then it is refused, not only hidden. */
export function forbidden(
  db: Kysely<Tables>,
  did: string,
  cid: string | Expression<string>,
): ExpressionWrapper<Tables, never, SqlBool> {
  return hasTakedown(db, { did, cid }, (all) => all.where('quarantined', '=', 0))
}

/** Resolves with false, and does nothing, if the account's blob is taken down already: that decision stands. */
export function quarantine(
  session: Session,
): (trx: Kysely<Tables>, row: { did: string; cid: string; ref: string; by: string }) => Step<boolean> {
  const insert = session.statement((db, { by, ...row }: { did: string; cid: string; ref: string; by: string }, now) =>
    db
      .insertInto('blobstore_takedown')
      .values({ ...row, requested_by: by, created_at: now(), quarantined: 1 })
      .onConflict((conflict) => conflict.columns(['cid', 'did']).doNothing()),
  )
  return function* (trx, row) {
    return (yield* insert(trx, row)).numAffectedRows === 1n
  }
}

/** A moderator has too much to do long before. */
const mostCounted = 10_000

export function* countQuarantined(db: Kysely<Tables>): Step<number> {
  const some = db.selectFrom('blobstore_takedown').select('cid').where('quarantined', '=', 1).limit(mostCounted)
  const row = yield* onlyRow(db.selectFrom(some.as('some')).select(({ fn }) => fn.countAll().as('rows')))
  return Number(row.rows)
}

/** The account's blobs are deleted: nothing is left to decide about. */
export function* forgetQuarantines(trx: Kysely<Tables>, did: string, cids: readonly string[]): Step<void> {
  yield* execute(
    trx.deleteFrom('blobstore_takedown').where('did', '=', did).where('cid', 'in', cids).where('quarantined', '=', 1),
  )
}

export function* isForbidden(db: Kysely<Tables>, did: string, cid: string): Step<boolean> {
  return (yield* findForbidden(db, { did, cid })).rows.some((row) => row.forbidden)
}

const findForbidden = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectNoFrom(forbidden(db, did, cid).as('forbidden')),
)
