import type { Kysely } from 'kysely'
import type { RecoverSteps } from '../contract/recovery.ts'
import type { Content } from '../contract/scrub.ts'

import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { LostRace } from '../sql-errors.ts'
import { lockAccount } from './account-row.ts'
import { doom } from './doomed-rows.ts'
import { expectedType, meetExpectations } from './expected-rows.ts'
import { liveAmong, unknownAmong } from './sweep-steps.ts'
import { chunks } from './walks.ts'

type Trx = Kysely<Tables>

export function recoverSteps(session: Session): RecoverSteps {
  return {
    recoverableKeys: (keys) =>
      session.read(async (db) => {
        const found = { unknown: [] as string[], live: [] as string[], doomed: [] as string[] }
        for (const some of chunks(keys)) {
          found.unknown.push(...(await unknownAmong(db, some)))
          const live = await liveAmong(db, some).execute()
          found.live.push(...live.map((row) => row.key))
          const doomed = await db.selectFrom('blobstore_doomed').select('key').where('key', 'in', some).execute()
          found.doomed.push(...doomed.map((row) => row.key))
        }
        return found
      }),

    adopt: ({ content, did, mimeType, grace, deleteDelay }) =>
      session.write(async (trx) => {
        const { cid, size } = content
        const { deletedAt } = await lockAccount(trx, did)
        if (deletedAt !== null) return 'refused'
        await lockCopy(trx, content.key)
        if (await isTakenDownForAnybody(trx, cid)) return 'taken down'
        const was = await makeLive(trx, content, deleteDelay)
        if (was === null) return 'refused'
        const held = await trx
          .selectFrom('blobstore_blob')
          .select('mime_type')
          .where('did', '=', did)
          .where('cid', '=', cid)
          .executeTakeFirst()
        if (held && was === 'live') return 'held'
        const type = held?.mime_type ?? (await expectedType(trx, { did, cid })) ?? mimeType
        if (!held) {
          const times = { created_at: session.now(), expires_at: session.now(grace) }
          const row = { did, cid, mime_type: type, size, was_referenced: 0, ...times }
          await trx.insertInto('blobstore_blob').values(row).execute()
          await lockAccount(trx, did, { bytes: size, count: 1, temporary: 1 })
        }
        await meetExpectations(trx, { did, cid, mimeType: type, size })
        return 'adopted'
      }),

    clearRestored: (epoch) =>
      session.write(async (trx) => {
        await trx.updateTable('blobstore_meta').set({ restored: 0, epoch }).execute()
      }),
  }

  /** As a commit deletes its upload's row before it looks for takedowns: a purge that begins now waits for this. */
  async function lockCopy(trx: Trx, key: string): Promise<void> {
    if (session.dialect.name !== 'postgres') return
    await trx.selectFrom('blobstore_upload').select('key').where('key', '=', key).forUpdate().execute()
  }

  /** Whether the content's bytes were live under its key, or now became so; null where they cannot: the key was doomed. */
  async function makeLive(
    trx: Trx,
    { cid, key, backend, size }: Content,
    deleteDelay: number,
  ): Promise<'live' | 'made live' | null> {
    const live = await trx
      .selectFrom('blobstore_content')
      .select(['key', 'backend'])
      .where('cid', '=', cid)
      .executeTakeFirst()
    if (live?.key === key) return 'live'
    const { numDeletedRows: copies } = await trx
      .deleteFrom('blobstore_upload')
      .where('key', '=', key)
      .where('did', 'is', null)
      .executeTakeFirst()
    if (copies !== 1n) return null
    const fresh = { key, backend, verified_at: session.now() }
    if (!live) {
      await trx
        .insertInto('blobstore_content')
        .values({ cid, size, ...fresh })
        .execute()
      return 'made live'
    }
    const { numUpdatedRows } = await trx
      .updateTable('blobstore_content')
      .set(fresh)
      .where('cid', '=', cid)
      .where('key', '=', live.key)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new LostRace()
    await doom(session, trx, [{ key: live.key, backend: live.backend, size, did: null }], deleteDelay)
    return 'made live'
  }
}

/** A moderator's word outlives the rows that a restored database has forgotten: it may be about any of the accounts. */
async function isTakenDownForAnybody(trx: Trx, cid: string): Promise<boolean> {
  const row = await trx
    .selectFrom('blobstore_takedown')
    .select('cid')
    .where('cid', '=', cid)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
