import type { Kysely } from 'kysely'
import type { Content, RecoverSteps } from '../care.ts'
import type { Session } from '../session.ts'
import { LostRace } from '../sql-errors.ts'
import type { Tables } from '../tables.ts'
import { lockAccount } from './account-row.ts'
import { chunks } from './chunks.ts'
import { doom } from './doomed-rows.ts'
import { expectedType, meetExpectations } from './expected-rows.ts'
import { liveAmong, unknownAmong } from './sweep-steps.ts'
import { isTakenDown } from './takedown-steps.ts'

type Trx = Kysely<Tables>

export function recoverSteps(session: Session): RecoverSteps {
  return {
    recoverableKeys: (keys) =>
      session.read(async (db) => {
        const unknown: string[] = []
        const live: string[] = []
        for (const some of chunks(keys)) {
          unknown.push(...(await unknownAmong(db, some)))
          const rows = await liveAmong(db, some).execute()
          live.push(...rows.map((row) => row.key))
        }
        return { unknown, live }
      }),

    expecting: (cid) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('blobstore_expected')
          .select(['did', 'mime_type'])
          .distinct()
          .where('cid', '=', cid)
          .execute()
        return rows.map((row) => ({ did: row.did, mimeType: row.mime_type }))
      }),

    adopt: ({ content, did, mimeType, grace, deleteDelay }) =>
      session.write(async (trx) => {
        const { cid, size } = content
        const { deletedAt } = await lockAccount(trx, did)
        if (deletedAt !== null || (await isTakenDown(trx, did, cid))) return false
        if (!(await makeLive(trx, content, deleteDelay))) return false
        const held = await trx
          .selectFrom('blobstore_blob')
          .select('mime_type')
          .where('did', '=', did)
          .where('cid', '=', cid)
          .executeTakeFirst()
        const type = held?.mime_type ?? (await expectedType(trx, { did, cid })) ?? mimeType
        if (!held) {
          const times = { created_at: session.now(), expires_at: session.now(grace) }
          const row = { did, cid, mime_type: type, size, was_referenced: 0, ...times }
          await trx.insertInto('blobstore_blob').values(row).execute()
          await lockAccount(trx, did, { bytes: size, count: 1 })
        }
        await meetExpectations(trx, { did, cid, mimeType: type, size })
        return true
      }),

    clearRestored: (epoch) =>
      session.write(async (trx) => {
        await trx.updateTable('blobstore_meta').set({ restored: 0, epoch }).execute()
      }),
  }

  /** Whether the content's bytes are live under its key, or now became so: never a key that was doomed. */
  async function makeLive(trx: Trx, { cid, key, backend, size }: Content, deleteDelay: number): Promise<boolean> {
    const live = await trx
      .selectFrom('blobstore_content')
      .select(['key', 'backend'])
      .where('cid', '=', cid)
      .executeTakeFirst()
    if (live?.key === key) return true
    if ((await unknownAmong(trx, [key])).length === 0) return false
    const fresh = { key, backend, verified_at: session.now() }
    if (!live) {
      await trx
        .insertInto('blobstore_content')
        .values({ cid, size, ...fresh })
        .execute()
      return true
    }
    const { numUpdatedRows } = await trx
      .updateTable('blobstore_content')
      .set(fresh)
      .where('cid', '=', cid)
      .where('key', '=', live.key)
      .executeTakeFirst()
    if (numUpdatedRows !== 1n) throw new LostRace()
    await doom(session, trx, [{ key: live.key, backend: live.backend, size, did: null }], deleteDelay)
    return true
  }
}
