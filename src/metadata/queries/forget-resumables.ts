import type { Kysely, UpdateQueryBuilder, UpdateResult } from 'kysely'
import type { Part } from '../contract/resumable.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { changedRows, execute, firstRow, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { doom } from './doomed-rows.ts'
import { assertNotRestored } from './identity-rows.ts'
import { freeReservation, isBusy, partRows } from './resumable-rows.ts'

type Trx = Kysely<Tables>

/** How many finished uploads of an account answer with their blob. */
const mostFinished = 100

/**
 * Ends uploads of an account, all or those that further conditions select: nothing is added to them any more, nobody reads
 * them, and a collection forgets them with their parts.
 */
export function endingResumables(
  session: Session,
  trx: Trx,
  did: string,
): UpdateQueryBuilder<Tables, 'blobstore_resumable', 'blobstore_resumable', UpdateResult> {
  return trx
    .updateTable('blobstore_resumable')
    .set({ state: 'ended', expires_at: session.now(), busy_until: null, note: null })
    .where('did', '=', did)
    .where('state', '<>', 'ended')
}

/** Keeps so many finished uploads besides this one: a client that sends small files must not fill the database. */
export function* endFinished(session: Session, trx: Trx, did: string, id: string): Step<void> {
  const rows = yield* rowsOf(
    trx
      .selectFrom('blobstore_resumable')
      .select('id')
      .where('did', '=', did)
      .where('state', '=', 'finished')
      .where('id', '<>', id)
      .orderBy('busy_until', 'desc') // when it was finished
      .offset(mostFinished - 1)
      .limit(mostFinished),
  )
  if (rows.length === 0) return
  const ids = rows.map((row) => row.id)
  yield* execute(endingResumables(session, trx, did).where('id', 'in', ids))
}

/** Uploads whose time is over. One that is being finished is left to the request that does it. */
export function findExpired(session: Session, limit: number): Promise<{ id: string; did: string }[]> {
  return session.read(function* (db) {
    yield* assertNotRestored(db)
    return yield* rowsOf(
      db
        .selectFrom('blobstore_resumable')
        .select(['id', 'did'])
        .where('expires_at', '<=', session.now())
        .where((eb) => eb.or([eb('busy_until', 'is', null), eb.not(isBusy(session))]))
        .orderBy('expires_at')
        .limit(limit),
    )
  })
}

/** Ends an upload that has expired, and forgets up to `limit` of its parts, then the upload. */
export function* forgetExpired(
  session: Session,
  trx: Trx,
  { did, id }: { did: string; id: string },
  limit: number,
): Step<number> {
  yield* lockAccount(trx, did)
  // From here on nobody adds to it, and nobody reads its parts.
  const row = yield* firstRow(
    trx
      .updateTable('blobstore_resumable')
      .set({ state: 'ended' })
      .where('id', '=', id)
      .where('expires_at', '<=', session.now())
      .where((eb) => eb.or([eb('busy_until', 'is', null), eb.not(isBusy(session))]))
      .returning(['reservation', 'claimed_by']),
  )
  if (!row) return 0
  if (yield* freeReservation(trx, did, row.reservation ?? row.claimed_by)) {
    yield* execute(
      trx.updateTable('blobstore_resumable').set({ reservation: null, claimed_by: null }).where('id', '=', id),
    )
  }
  const { length: parts } = yield* forgetParts(session, trx, { did, id }, limit)
  if (parts === limit) return parts
  return parts + (yield* changedRows(trx.deleteFrom('blobstore_resumable').where('id', '=', id)))
}

/**
 * Forgets up to `limit` parts of an upload that needs them no more, and dooms their bytes. They count as the account's
 * until they are deleted. Without a delay: their `put` was acknowledged, so no request may still write under their keys;
 * and they may have the bytes of a blob that is purged, which does not know them. The account is locked.
 */
export function* forgetParts(
  session: Session,
  trx: Trx,
  { did, id }: { did: string; id: string },
  limit: number,
): Step<Part[]> {
  const parts = yield* partRows(trx, id, -1, limit)
  if (parts.length === 0) return parts
  const keys = parts.map((part) => part.key)
  const sizes = new Map(parts.map(({ key, size }) => [key, size]))
  const named = yield* rowsOf(
    trx.deleteFrom('blobstore_upload').where('key', 'in', keys).where('did', 'is', null).returning(['key', 'backend']),
  )
  yield* doom(
    session,
    trx,
    named.map(({ key, backend }) => ({ key, backend, did, size: sizes.get(key) ?? 0 })),
    0,
  )
  const starts = parts.map((part) => part.start)
  yield* execute(trx.deleteFrom('blobstore_part').where('upload', '=', id).where('start', 'in', starts))
  return parts
}
