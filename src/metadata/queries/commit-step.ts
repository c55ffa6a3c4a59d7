import { type Kysely, sql } from 'kysely'
import type { Commit, CommitOutcome } from '../contract/uploads.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { LostRace } from '../sql-errors.ts'
import { statement } from '../statement.ts'
import type { Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { expired } from './announce-upload.ts'
import { chargeOf, doom } from './doomed-rows.ts'
import { expectedType, meetExpectations } from './expected-rows.ts'
import { retype } from './naming-rows.ts'
import { isPurged } from './purge-rows.ts'
import { takenDown } from './takedown-steps.ts'

type Trx = Kysely<Tables>

/** The last step of an upload: its bytes become a blob of the account, or are doomed. */
export function commitStep(session: Session): (trx: Trx, upload: Commit) => Step<CommitOutcome> {
  /** Restarts the blob's grace period, unless the blob does not expire because a record references it. */
  const prolong = session.statement((db, { did, cid, grace }: { did: string; cid: string; grace: number }, now) =>
    db
      .updateTable('blobstore_blob')
      .set((eb) => ({ expires_at: eb.case().when('expires_at', 'is', null).then(null).else(now(grace)).end() }))
      .where('did', '=', did)
      .where('cid', '=', cid),
  )
  /** One query for everything that decides what happens to the bytes: each query costs as much as a write. */
  const findSituation = session.statement(
    (db, { did, cid, since }: { did: string; cid: string; since: number }, now) => {
      const blob = db.selectFrom('blobstore_blob').where('did', '=', did).where('cid', '=', cid)
      const content = db.selectFrom('blobstore_content').where('cid', '=', cid)
      const expected = db.selectFrom('blobstore_expected').where('did', '=', did).where('cid', '=', cid)
      return db.selectNoFrom((eb) => [
        takenDown(db, did, cid).as('takenDown'),
        eb.exists(expected.select('cid')).as('expected'),
        blob.select('mime_type').as('heldType'),
        content.select('key').as('key'),
        content.select('backend').as('backend'),
        // A time in the future comes from a clock that ran ahead, and proves nothing.
        content
          .select((eb) => eb.and([eb('verified_at', '>', now(since)), eb('verified_at', '<=', now())]).as('fresh'))
          .as('fresh'),
      ])
    },
  )
  const insertContent = session.statement(
    (db, content: { cid: string; key: string; backend: string; size: number }, now) =>
      db.insertInto('blobstore_content').values({ ...content, verified_at: now() }),
  )
  const replaceContent = session.statement(
    (db, { cid, former, key, backend }: { cid: string; former: string; key: string; backend: string }, now) =>
      db
        .updateTable('blobstore_content')
        .set({ key, backend, verified_at: now() })
        .where('cid', '=', cid)
        .where('key', '=', former),
  )
  const insertBlob = session.statement(
    (
      db,
      {
        grace,
        createdAt,
        ...blob
      }: { did: string; cid: string; mime_type: string; size: number; grace: number; createdAt: number | null },
      now,
    ) =>
      db.insertInto('blobstore_blob').values({
        ...blob,
        was_referenced: 0,
        created_at: sql<number>`coalesce(cast(${createdAt} as bigint), ${now()})`,
        expires_at: now(grace),
      }),
  )
  return commit

  function* commit(trx: Trx, upload: Commit): Step<CommitOutcome> {
    const { key, backend, did, cid, size, grace, createdAt = null } = upload
    // Counts it as the account's first copy, which it usually is. Corrected below if it is not.
    const { deletedAt } = yield* lockAccount(trx, did, {
      reserved: -size,
      uploads: -1,
      bytes: size,
      count: 1,
      temporary: 1,
    })
    // Deletes the row instead of only reading it. This makes the commit and a collector that dooms the key exclude each
    // other.
    const { numAffectedRows: own } = yield* takeUpload(trx, { key })
    if (own !== 1n) throw expired(upload)

    const situation = (yield* findSituation(trx, { did, cid, since: -upload.fresh })).rows[0] as Situation
    const { heldType } = situation
    const wasPurged = situation.takenDown ? yield* isPurged(trx, did, cid) : false
    const isRefused = situation.takenDown && (wasPurged || upload.takenDown !== 'store')
    const refusal = deletedAt !== null ? 'accountDeleted' : isRefused ? 'takenDown' : null
    if (refusal !== null || heldType !== null) {
      yield* lockAccount(trx, did, { bytes: -size, count: -1, temporary: -1 })
    }
    if (refusal !== null) {
      // As little as possible of purged bytes stays, for as short as possible. They need no delay, because the backend
      // has acknowledged them.
      yield* doom(session, trx, [{ key, backend, did, size }], wasPurged ? 0 : upload.unusedDelay)
      return { outcome: refusal }
    }
    // A redundant copy is charged to the account only if the account already had the blob, and then always in the same
    // way. Which of the two copies is deleted, and when, depends on when any account last uploaded these bytes, and
    // `pending` must not reveal that.
    yield* settleContent(trx, upload, situation)
    if (heldType !== null) yield* doom(session, trx, [chargeOf(upload)], upload.unusedDelay)
    const mimeType = yield* typeOf(trx, upload, situation)
    if (heldType !== null) yield* prolong(trx, { did, cid, grace })
    else yield* insertBlob(trx, { did, cid, mime_type: mimeType, size, grace, createdAt })
    const met = situation.expected ? yield* meetExpectations(trx, { did, cid, mimeType, size }) : null
    return { outcome: 'stored', mimeType, differing: met?.differing ?? [], waiting: met?.waiting ?? false }
  }

  /**
   * The type of the blob from now on. If records wait for the blob, it is the type that the first of them gives. A blob
   * that a record references keeps the type by which records may reference it. Otherwise a client corrects the type by
   * declaring another.
   */
  function* typeOf(trx: Trx, upload: Commit, { expected, heldType }: Situation): Step<string> {
    const { did, cid, mimeType, declared } = upload
    if (heldType === null) return (expected ? yield* expectedType(trx, { did, cid }) : null) ?? mimeType
    if (!declared || heldType === mimeType) return heldType
    return (yield* retype(trx, { did, cid, mimeType })) ? mimeType : heldType
  }

  /**
   * One key of a CID is live. The bytes just received replace bytes that were not verified for long, which may be
   * damaged.
   */
  function* settleContent(trx: Trx, upload: Commit, live: Situation): Step<void> {
    const { key, backend, cid, size } = upload
    if (live.key === null || live.backend === null) {
      yield* insertContent(trx, { cid, key, backend, size })
      return
    }
    if (live.fresh) {
      yield* doom(session, trx, [{ key, backend, size, did: null }], upload.unusedDelay)
      return
    }
    const { numAffectedRows } = yield* replaceContent(trx, { cid, former: live.key, key, backend })
    if (numAffectedRows !== 1n) throw new LostRace()
    yield* doom(session, trx, [{ key: live.key, backend: live.backend, size, did: null }], upload.deleteDelay)
  }
}

/** What a commit finds when the upload's bytes are stored. */
interface Situation {
  /** For this account, or for all. */
  takenDown: unknown
  /** Whether records of the account wait for this blob. */
  expected: unknown
  /** The type of the account's blob; null when it has none of this CID. */
  heldType: string | null
  /** The key of the CID's live bytes, whichever accounts have them; null if there are none. */
  key: string | null
  backend: string | null
  /** Whether those bytes were verified recently. */
  fresh: unknown
}

const takeUpload = statement((db, { key }: { key: string }) => db.deleteFrom('blobstore_upload').where('key', '=', key))
