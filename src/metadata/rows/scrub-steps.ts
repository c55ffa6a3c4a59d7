import type { Kysely } from 'kysely'
import type { Content, ScrubSteps } from '../care.ts'
import type { Usage } from '../facts.ts'
import type { Session } from '../session.ts'
import type { Tables } from '../tables.ts'
import { lockAccount } from './account-row.ts'
import { announceUpload } from './announce-upload.ts'
import { doom } from './doomed-rows.ts'
import { hasSomething } from './list-queries.ts'
import { endUpload } from './upload-steps.ts'

export function scrubSteps(session: Session): ScrubSteps {
  const announce = announceUpload(session)
  return {
    contents: ({ after, limit, olderThan }) =>
      session.read(async (db) => {
        const all = db
          .selectFrom('blobstore_content')
          .select(['cid', 'key', 'backend', 'size'])
          .where('cid', '>', after)
          .orderBy('cid')
          .limit(limit)
        const wanted =
          olderThan === undefined
            ? all
            : all.where((eb) =>
                eb.or([
                  eb('verified_at', 'is', null),
                  eb('verified_at', '<=', session.now(-olderThan)),
                  eb('verified_at', '>', session.now()), // by a clock that ran ahead
                ]),
              )
        const rows = await wanted.execute()
        return rows.map((row) => ({ ...row, size: Number(row.size) }))
      }),

    contentOf: (cid) =>
      session.read(async (db) => {
        const row = await db
          .selectFrom('blobstore_content')
          .select(['cid', 'key', 'backend', 'size'])
          .where('cid', '=', cid)
          .executeTakeFirst()
        return row ? { ...row, size: Number(row.size) } : null
      }),

    markVerified: (cid, key) =>
      session.write(async (trx) => {
        const values = { verified_at: session.now() }
        await trx.updateTable('blobstore_content').set(values).where('cid', '=', cid).where('key', '=', key).execute()
      }),

    markDamaged: (cid, key) =>
      session.write(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('blobstore_content')
          .set({ verified_at: null })
          .where('cid', '=', cid)
          .where('key', '=', key)
          .executeTakeFirst()
        return numUpdatedRows === 1n
      }),

    intendCopy: ({ key, backend, cid, lease }) =>
      session.write((trx) => announce(trx, { key, backend, did: null, cid, reserved: 0, lease })),

    replaceContent: ({ old, key, backend, deleteDelay }) =>
      session.write(async (trx) => {
        const own = await trx
          .deleteFrom('blobstore_upload')
          .where('key', '=', key)
          .returning(['key', 'backend', 'did', 'cid', 'reserved'])
          .executeTakeFirst()
        if (!own) return false
        const { numUpdatedRows } = await trx
          .updateTable('blobstore_content')
          .set({ key, backend, verified_at: session.now() })
          .where('cid', '=', old.cid)
          .where('key', '=', old.key)
          .executeTakeFirst()
        if (numUpdatedRows === 1n) await doom(session, trx, [{ ...tombstone(old), did: null }], deleteDelay)
        else await endUpload(session, trx, own, deleteDelay)
        return numUpdatedRows === 1n
      }),

    accounts: ({ after, limit }) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('blobstore_account')
          .select('did')
          .where('did', '>', after)
          .orderBy('did')
          .limit(limit)
          .execute()
        return rows.map((row) => row.did)
      }),

    recount: (did) =>
      session.write(async (trx) => {
        const { bytes, count, reserved, pending } = await lockAccount(trx, did)
        const { uploads, ...counted } = await countAccount(trx, did)
        await trx
          .updateTable('blobstore_account')
          .set({ ...counted, uploads })
          .where('did', '=', did)
          .execute()
        return { said: { bytes, count, reserved, pending }, counted }
      }),

    totals: () =>
      session.read(async (db) => {
        const accounts = await db
          .selectFrom('blobstore_account')
          .select(({ fn }) => [
            fn.countAll().as('accounts'),
            fn.sum('bytes').as('bytes'),
            fn.sum('count').as('count'),
            fn.sum('reserved').as('reserved'),
            fn.sum('pending').as('pending'),
          ])
          .where(hasSomething)
          .executeTakeFirstOrThrow()
        const stored = await db
          .selectFrom('blobstore_content')
          .select(({ fn }) => [fn.sum('size').as('bytes'), fn.countAll().as('count')])
          .executeTakeFirstOrThrow()
        const doomed = await db
          .selectFrom('blobstore_doomed')
          .select(({ fn }) => fn.countAll().as('count'))
          .where('backend', 'is not', null)
          .executeTakeFirstOrThrow()
        return {
          accounts: Number(accounts.accounts),
          bytes: Number(accounts.bytes ?? 0),
          count: Number(accounts.count ?? 0),
          reserved: Number(accounts.reserved ?? 0),
          pending: Number(accounts.pending ?? 0),
          storedBytes: Number(stored.bytes),
          storedCount: Number(stored.count),
          doomedCount: Number(doomed.count),
        }
      }),
  }
}

const tombstone = ({ key, backend, size }: Content) => ({ key, backend, size })

async function countAccount(trx: Kysely<Tables>, did: string): Promise<Usage & { uploads: number }> {
  const blobs = await trx
    .selectFrom('blobstore_blob')
    .select(({ fn }) => [fn.sum('size').as('bytes'), fn.countAll().as('count')])
    .where('did', '=', did)
    .executeTakeFirstOrThrow()
  const uploads = await trx
    .selectFrom('blobstore_upload')
    .select(({ fn }) => [fn.sum('reserved').as('bytes'), fn.countAll().as('count')])
    .where('did', '=', did)
    .executeTakeFirstOrThrow()
  const doomed = await trx
    .selectFrom('blobstore_doomed')
    .select(({ fn }) => fn.sum('size').as('bytes'))
    .where('did', '=', did)
    .executeTakeFirstOrThrow()
  return {
    bytes: Number(blobs.bytes ?? 0),
    count: Number(blobs.count),
    reserved: Number(uploads.bytes ?? 0),
    uploads: Number(uploads.count),
    pending: Number(doomed.bytes ?? 0),
  }
}
