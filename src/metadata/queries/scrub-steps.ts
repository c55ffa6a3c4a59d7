import { expressionBuilder, type Kysely, type Selectable } from 'kysely'
import type { Content, ScrubSteps } from '../contract/scrub.ts'
import type { BlobTable, Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import type { AccountUsage } from '../types.ts'
import { lockAccount } from './account-row.ts'
import { announceUpload } from './announce-upload.ts'
import { countDoomed, doom } from './doomed-rows.ts'
import { hasSomething } from './list-queries.ts'
import { addUp } from './sums.ts'
import { endUpload } from './upload-steps.ts'
import { walk } from './walks.ts'

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
        const { uploads, temporary, ...counted } = await countAccount(trx, did)
        await trx
          .updateTable('blobstore_account')
          .set({ ...counted, uploads, temporary })
          .where('did', '=', did)
          .execute()
        return { said: { bytes, count, reserved, pending }, counted }
      }),

    stats: async () => {
      const accounts = await addUp(session, {
        table: 'blobstore_account',
        along: 'did',
        columns: ['bytes', 'count', 'reserved', 'pending'],
        where: hasSomething(expressionBuilder<Tables, 'blobstore_account'>()),
      })
      const stored = await addUp(session, { table: 'blobstore_content', along: 'cid', columns: ['size'] })
      return {
        ...{ accounts: accounts.rows, bytes: accounts.bytes, count: accounts.count },
        ...{ reserved: accounts.reserved, pending: accounts.pending },
        ...{ storedBytes: stored.size, storedCount: stored.rows },
        doomedCount: await countDoomed(session),
      }
    },
  }
}

const tombstone = ({ key, backend, size }: Content) => ({ key, backend, size })

async function countAccount(
  trx: Kysely<Tables>,
  did: string,
): Promise<AccountUsage & { uploads: number; temporary: number }> {
  const blobs = { bytes: 0, count: 0, temporary: 0 }
  for await (const rows of walk<OwnBlob>((last, atMost) => ownBlobs(trx, did, last, atMost))) {
    blobs.count += rows.length
    blobs.bytes += rows.reduce((sum, row) => sum + Number(row.size), 0)
    blobs.temporary += rows.filter((row) => row.expires_at !== null).length
  }
  const uploads = await trx
    .selectFrom('blobstore_upload')
    .select(({ fn }) => [fn.sum('reserved').as('bytes'), fn.countAll().as('count')])
    .where('did', '=', did)
    .executeTakeFirstOrThrow()
  let pending = 0
  for await (const rows of walk<{ key: string; size: number }>((last, atMost) =>
    ownDoomed(trx, did, last?.key ?? '', atMost),
  )) {
    pending += rows.reduce((sum, row) => sum + Number(row.size), 0)
  }
  return { ...blobs, reserved: Number(uploads.bytes ?? 0), uploads: Number(uploads.count), pending }
}

type OwnBlob = Pick<Selectable<BlobTable>, 'created_at' | 'cid' | 'size' | 'expires_at'>

const ownBlobs = (trx: Kysely<Tables>, did: string, after: OwnBlob | undefined, atMost: number): Promise<OwnBlob[]> =>
  trx
    .selectFrom('blobstore_blob')
    .select(['created_at', 'cid', 'size', 'expires_at'])
    .where('did', '=', did)
    .$if(after !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('created_at', 'cid'), '>', tuple(after?.created_at ?? 0, after?.cid ?? '')),
      ),
    )
    .orderBy('created_at')
    .orderBy('cid')
    .limit(atMost)
    .execute()

const ownDoomed = (trx: Kysely<Tables>, did: string, after: string, atMost: number) =>
  trx
    .selectFrom('blobstore_doomed')
    .select(['key', 'size'])
    .where('did', '=', did)
    .where('key', '>', after)
    .orderBy('key')
    .limit(atMost)
    .execute()
