import type { RecoverSteps } from '../care.ts'
import type { Session } from '../session.ts'
import { lockAccount } from './account-row.ts'
import { doom } from './doomed-rows.ts'
import { meetExpectations } from './expected-rows.ts'
import { chunks } from './reference-steps.ts'
import { unknownAmong } from './sweep-steps.ts'
import { isTakenDown } from './takedown-steps.ts'

export function recoverSteps(session: Session): RecoverSteps {
  return {
    unknownKeys: (keys) =>
      session.read(async (db) => {
        const unknown: string[] = []
        for (const some of chunks(keys)) unknown.push(...(await unknownAmong(db, some)))
        return unknown
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

    adopt: ({ content, did, mimeType, grace, unusedDelay }) =>
      session.write(async (trx) => {
        const { cid, key, backend, size } = content
        const { deletedAt } = await lockAccount(trx, did)
        if (deletedAt !== null || (await isTakenDown(trx, did, cid))) return false
        const live = await trx.selectFrom('blobstore_content').select('key').where('cid', '=', cid).executeTakeFirst()
        if (!live) {
          const row = { cid, key, backend, size, verified_at: session.now() }
          await trx.insertInto('blobstore_content').values(row).execute()
        } else if (live.key !== key && (await unknownAmong(trx, [key])).length > 0) {
          await doom(session, trx, [{ key, backend, size, did: null }], unusedDelay)
        }
        const held = await trx
          .selectFrom('blobstore_blob')
          .select('cid')
          .where('did', '=', did)
          .where('cid', '=', cid)
          .executeTakeFirst()
        if (!held) {
          const times = { created_at: session.now(), expires_at: session.now(grace) }
          await trx
            .insertInto('blobstore_blob')
            .values({ did, cid, mime_type: mimeType, size, ...times })
            .execute()
          await lockAccount(trx, did, { bytes: size, count: 1 })
        }
        await meetExpectations(trx, { did, cid, mimeType, size })
        return true
      }),

    clearRestored: (epoch) =>
      session.write(async (trx) => {
        await trx.updateTable('blobstore_meta').set({ restored: 0, epoch }).execute()
      }),
  }
}
