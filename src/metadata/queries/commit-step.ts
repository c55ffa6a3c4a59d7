import type { Kysely } from 'kysely'
import type { Commit, CommitOutcome } from '../contract/uploads.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { LostRace } from '../sql-errors.ts'
import { type Statement, statement } from '../statement.ts'
import type { Step } from '../step.ts'
import { assertQuota, lockAccount } from './account-row.ts'
import { closed, expired } from './announce-upload.ts'
import type { Situation } from './commit-statements.ts'
import * as statements from './commit-statements.ts'
import { chargeOf, doom } from './doomed-rows.ts'
import { findEntry } from './entry-rows.ts'
import { expectedType, meetExpectations } from './expected-rows.ts'
import { retype } from './naming-rows.ts'
import { isPurged } from './purge-rows.ts'
import { quarantine } from './quarantine-rows.ts'

type Trx = Kysely<Tables>

/** The last step of an upload: its bytes become a blob of the account, or are doomed. */
export function commitStep(session: Session): (trx: Trx, upload: Commit) => Step<CommitOutcome> {
  const holdEntry = session.statement(findEntry(session.dialect.name))
  const prolong = session.statement(statements.prolong)
  const findSituation = session.statement(statements.findSituation)
  const insertContent = session.statement(statements.insertContent)
  const replaceContent = session.statement(statements.replaceContent)
  const insertBlob = session.statement(statements.insertBlob)
  const insertQuarantine = quarantine(session)
  return commit

  function* commit(trx: Trx, upload: Commit): Step<CommitOutcome> {
    const { entry, key, backend, did, cid, size, grace, createdAt = null } = upload
    // Counts it as the account's first copy, which it usually is. Corrected below if it is not.
    const counted = { bytes: size, count: 1, temporary: 1 }
    const account = yield* lockAccount(trx, did, entry ? counted : { ...counted, reserved: -size, uploads: -1 })
    const { deletedAt } = account
    if (entry) {
      if ((yield* holdEntry(trx, { ...entry, backend })).rows.length === 0) throw closed(upload)
    } else {
      // Deletes the row instead of only reading it. This makes the commit and a collector that dooms the key exclude each
      // other.
      const { numAffectedRows: own } = yield* takeUpload(trx, { key })
      if (own !== 1n) throw expired(upload)
    }

    const situation = (yield* findSituation(trx, { did, cid, key, since: -upload.fresh })).rows[0] as Situation
    const { heldType } = situation
    // A row is gone after the first commit. Without one, a host's driver that repeats what it has no answer to would make
    // this upload compete with itself; and what was given up is not to be live again.
    if (situation.doomed || (situation.key === key && heldType === null)) throw expired(upload)
    if (situation.key === key && heldType !== null) {
      yield* lockAccount(trx, did, { bytes: -size, count: -1, temporary: -1 })
      return {
        outcome: 'stored',
        mimeType: heldType,
        quarantined: false,
        differing: [],
        waiting: Boolean(situation.expected),
      }
    }
    const wasPurged = situation.forbidden ? yield* isPurged(trx, did, cid) : false
    const isRefused = situation.forbidden && (wasPurged || upload.takenDown !== 'store')
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
    // Throws: then its process gives the key up.
    if (entry && heldType === null) assertQuota(did, account, upload.quota)
    // A redundant copy is charged to the account only if the account already had the blob, and then always in the same
    // way. Which of the two copies is deleted, and when, depends on when any account last uploaded these bytes, and
    // `pending` must not reveal that.
    yield* settleContent(trx, upload, situation)
    if (heldType !== null) yield* doom(session, trx, [chargeOf(upload)], upload.unusedDelay)
    const mimeType = yield* typeOf(trx, upload, situation)
    if (heldType !== null) yield* prolong(trx, { did, cid, grace })
    else yield* insertBlob(trx, { did, cid, mime_type: mimeType, size, grace, createdAt })
    // What the account has already stays as it is: shown, because it was accepted or released, or hidden.
    const reason = heldType === null ? upload.quarantine : undefined
    const quarantined = reason !== undefined && (yield* insertQuarantine(trx, { did, cid, ref: reason, by: 'inspect' }))
    const met = situation.expected ? yield* meetExpectations(trx, { did, cid, mimeType, size }) : null
    return { outcome: 'stored', mimeType, quarantined, differing: met?.differing ?? [], waiting: met?.waiting ?? false }
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

/** Deletes the upload's row. */
export const takeUpload: Statement<{ key: string }, unknown> = statement((db, { key }) =>
  db.deleteFrom('blobstore_upload').where('key', '=', key),
)
