import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Commit, CommitOutcome, Intent, Release, Reservation, UploadSteps } from '../metadata.ts'
import type { Session } from '../session.ts'
import { LostRace } from '../sql-errors.ts'
import type { Tables } from '../tables.ts'
import { lockAccount, lockLivingAccount } from './account-row.ts'
import { doom } from './doomed-rows.ts'
import { meetExpectations } from './expected-rows.ts'
import { assertQuota, grantable } from './quota.ts'
import { isTakenDown } from './takedown-steps.ts'

type Trx = Kysely<Tables>

export function uploadSteps(session: Session): UploadSteps {
  return {
    reserve: (upload) => session.write((trx) => reserve(trx, upload)),
    intend: (upload) => session.write((trx) => intend(trx, upload)),
    commit: (upload) => session.write((trx) => commit(trx, upload)),
    release: (upload) => session.write((trx) => release(trx, upload)),
  }

  async function reserve(trx: Trx, upload: Reservation): Promise<number> {
    const { generation, backend, did, size, quota, lease } = upload
    const before = await lockLivingAccount(trx, did, { uploads: 1 })
    const reserved = size.known ?? grantable(before, quota, size.most)
    const account = await lockAccount(trx, did, { reserved })
    await assertQuota(trx, did, account, quota)
    await trx
      .insertInto('blobstore_upload')
      .values({ key: generation, backend, did, cid: null, reserved, lease_until: session.now(lease) })
      .execute()
    return reserved
  }

  async function intend(trx: Trx, upload: Intent): Promise<void> {
    const { generation, key, backend, did, cid, size, lease } = upload
    if (!upload.reserved) {
      const account = await lockLivingAccount(trx, did, { reserved: size, uploads: 1 })
      await assertQuota(trx, did, account, upload.quota)
      await trx
        .insertInto('blobstore_upload')
        .values({ key, backend, did, cid, reserved: size, lease_until: session.now(lease) })
        .execute()
      return
    }
    await lockLivingAccount(trx, did)
    const before = await trx
      .selectFrom('blobstore_upload')
      .select('reserved')
      .where('key', '=', generation)
      .executeTakeFirst()
    if (!before) throw expired(upload)
    await trx.updateTable('blobstore_upload').set({ key, cid, reserved: size }).where('key', '=', generation).execute()
    await lockAccount(trx, did, { reserved: size - Number(before.reserved) })
  }

  async function commit(trx: Trx, upload: Commit): Promise<CommitOutcome> {
    const { key, backend, did, cid, size } = upload
    const { deletedAt } = await lockAccount(trx, did, { reserved: -size, uploads: -1 })
    // Deleting the row, and not only finding it, is what makes a collector that dooms the key and this commit exclude
    // each other.
    const own = await trx.deleteFrom('blobstore_upload').where('key', '=', key).returning('key').executeTakeFirst()
    if (!own) throw expired(upload)

    const refusal = deletedAt !== null ? 'accountDeleted' : (await isTakenDown(trx, did, cid)) ? 'takenDown' : null
    if (refusal) {
      await doom(session, trx, [{ key, backend, did, size }], upload.unusedDelay)
      return { outcome: refusal }
    }
    const heldAs = await prolong(trx, upload)
    // A copy too many counts against the account only where it knew that it has the blob: else `pending`, and a quota
    // that it fills, would tell it that somebody else has the same bytes.
    await settleContent(trx, upload, heldAs === null ? null : did)
    if (heldAs === null) await insertBlob(trx, upload)
    const mimeType = heldAs ?? upload.mimeType
    const unmet = await meetExpectations(trx, { did, cid, mimeType, size })
    return { outcome: 'stored', mimeType, unmet }
  }

  /** The account has the blob already: it begins its grace period anew, and keeps the type that records may name. */
  async function prolong(trx: Trx, { did, cid, grace }: Commit): Promise<string | null> {
    const expiresAt = session.now(grace)
    const held = await trx
      .updateTable('blobstore_blob')
      .set((eb) => ({ expires_at: eb.case().when('expires_at', 'is', null).then(null).else(expiresAt).end() }))
      .where('did', '=', did)
      .where('cid', '=', cid)
      .returning('mime_type')
      .executeTakeFirst()
    return held?.mime_type ?? null
  }

  /** One key is live for a CID. Bytes just received win over bytes not looked at for long: those may have rotted. */
  async function settleContent(trx: Trx, upload: Commit, charged: string | null): Promise<void> {
    const { key, backend, cid, size } = upload
    const live = await trx
      .selectFrom('blobstore_content')
      .select((eb) => ['key', 'backend', eb('verified_at', '>', session.now(-upload.fresh)).as('fresh')])
      .where('cid', '=', cid)
      .executeTakeFirst()
    if (!live) {
      const row = { cid, key, backend, size, verified_at: session.now() }
      await trx.insertInto('blobstore_content').values(row).execute()
      return
    }
    if (live.fresh) {
      await doom(session, trx, [{ key, backend, size, did: charged }], upload.unusedDelay)
      return
    }
    const { numUpdatedRows } = await trx
      .updateTable('blobstore_content')
      .set({ key, backend, verified_at: session.now() })
      .where('cid', '=', cid)
      .where('key', '=', live.key)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new LostRace()
    await doom(session, trx, [{ key: live.key, backend: live.backend, size, did: charged }], upload.deleteDelay)
  }

  async function insertBlob(trx: Trx, upload: Commit): Promise<void> {
    const { did, cid, size, mimeType } = upload
    const times = { created_at: upload.createdAt ?? session.now(), expires_at: session.now(upload.grace) }
    await trx
      .insertInto('blobstore_blob')
      .values({ did, cid, mime_type: mimeType, size, was_referenced: 0, ...times })
      .execute()
    await lockAccount(trx, did, { bytes: size, count: 1 })
  }

  async function release(trx: Trx, { generation, key, did, unusedDelay }: Release): Promise<void> {
    await lockAccount(trx, did)
    const row = await trx
      .deleteFrom('blobstore_upload')
      .where('key', 'in', key === null ? [generation] : [generation, key])
      .returning(['key', 'backend', 'cid', 'reserved'])
      .executeTakeFirst()
    if (!row) return
    await endUpload(session, trx, { ...row, did }, unusedDelay)
  }
}

interface EndedUpload {
  key: string
  backend: string
  did: string | null
  cid: string | null
  reserved: number
}

/** What follows when an upload's row was deleted without a commit. Bytes may be there once the CID was known. */
export async function endUpload(session: Session, trx: Trx, upload: EndedUpload, unusedDelay: number): Promise<void> {
  const { key, backend, did, cid } = upload
  const size = Number(upload.reserved)
  if (did !== null) await lockAccount(trx, did, { reserved: -size, uploads: -1 })
  if (cid !== null) await doom(session, trx, [{ key, backend, did, size }], unusedDelay)
}

function expired({ did, ...upload }: { did: string; cid?: string }): BlobStoreError {
  return new BlobStoreError('UploadExpired', 'The upload took longer than its lease and was collected; upload again', {
    did,
    cid: upload.cid,
    transient: true,
  })
}
