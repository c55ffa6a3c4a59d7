import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Commit, CommitOutcome } from '../metadata.ts'
import type { Session } from '../session.ts'
import { LostRace } from '../sql-errors.ts'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'
import { lockAccount } from './account-row.ts'
import { doom } from './doomed-rows.ts'
import { meetExpectations } from './expected-rows.ts'
import { isTakenDown } from './takedown-steps.ts'
import { expired } from './upload-steps.ts'

type Trx = Kysely<Tables>

/** The last step of an upload: its bytes become the account's, or are doomed. */
export function commitStep(session: Session): (trx: Trx, upload: Commit) => Promise<CommitOutcome> {
  /** The blob begins its grace period anew, unless a record keeps it. */
  const prolong = session.statement((db, { did, cid, grace }: { did: string; cid: string; grace: number }, now) =>
    db
      .updateTable('blobstore_blob')
      .set((eb) => ({ expires_at: eb.case().when('expires_at', 'is', null).then(null).else(now(grace)).end() }))
      .where('did', '=', did)
      .where('cid', '=', cid)
      .returning('mime_type'),
  )
  const findContent = session.statement((db, { cid, since }: { cid: string; since: number }, now) =>
    db
      .selectFrom('blobstore_content')
      .select((eb) => ['key', 'backend', eb('verified_at', '>', now(since)).as('fresh')])
      .where('cid', '=', cid),
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

  async function commit(trx: Trx, upload: Commit): Promise<CommitOutcome> {
    const { key, backend, did, cid, size, grace } = upload
    const { deletedAt } = await lockAccount(trx, did, { reserved: -size, uploads: -1 })
    // Deleting the row, and not only finding it, is what makes a collector that dooms the key and this commit exclude
    // each other.
    const { rows: own } = await takeUpload(trx, { key })
    if (own.length === 0) throw expired(upload)

    const refusal = deletedAt !== null ? 'accountDeleted' : (await isTakenDown(trx, did, cid)) ? 'takenDown' : null
    if (refusal) {
      await doom(session, trx, [{ key, backend, did, size }], upload.unusedDelay)
      return { outcome: refusal }
    }
    // One that the account has already keeps the type that records may name.
    const [held] = (await prolong(trx, { did, cid, grace })).rows
    // A copy too many counts against the account only where it knew that it has the blob: else `pending`, and a quota
    // that it fills, would tell it that somebody else has the same bytes.
    await settleContent(trx, upload, held ? did : null)
    if (!held) await addBlob(trx, upload)
    const mimeType = held?.mime_type ?? upload.mimeType
    const unmet = await meetExpectations(trx, { did, cid, mimeType, size })
    return { outcome: 'stored', mimeType, unmet }
  }

  /** One key is live for a CID. Bytes just received win over bytes not looked at for long: those may have rotted. */
  async function settleContent(trx: Trx, upload: Commit, charged: string | null): Promise<void> {
    const { key, backend, cid, size } = upload
    const [live] = (await findContent(trx, { cid, since: -upload.fresh })).rows
    if (!live) {
      await insertContent(trx, { cid, key, backend, size })
      return
    }
    if (live.fresh) {
      await doom(session, trx, [{ key, backend, size, did: charged }], upload.unusedDelay)
      return
    }
    const { numAffectedRows } = await replaceContent(trx, { cid, former: live.key, key, backend })
    if (numAffectedRows !== 1n) throw new LostRace()
    await doom(session, trx, [{ key: live.key, backend: live.backend, size, did: charged }], upload.deleteDelay)
  }

  async function addBlob(trx: Trx, { did, cid, mimeType, size, grace, createdAt }: Commit): Promise<void> {
    await insertBlob(trx, { did, cid, mime_type: mimeType, size, grace, createdAt: createdAt ?? null })
    await lockAccount(trx, did, { bytes: size, count: 1 })
  }
}

const takeUpload = statement((db, { key }: { key: string }) =>
  db.deleteFrom('blobstore_upload').where('key', '=', key).returning('key'),
)
