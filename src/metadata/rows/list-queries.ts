import {
  type ExpressionBuilder,
  type ExpressionWrapper,
  expressionBuilder,
  type Kysely,
  type SqlBool,
  sql,
} from 'kysely'
import type { BlobQueries } from '../metadata.ts'
import type { Session } from '../session.ts'
import type { Tables } from '../tables.ts'
import { selectBlobs, toStat } from './blob-queries.ts'
import { decodeCursor, encodeCursor, notACursor, pageOf } from './cursor.ts'
import { takenDown } from './takedown-steps.ts'

/** What is listed in pages. */
export function listQueries(
  session: Session,
): Pick<BlobQueries, 'listReferenced' | 'listOwn' | 'listMissing' | 'listAccounts'> {
  return {
    listReferenced: (did, { limit, cursor, since, scopes, trx }) =>
      session.read(async (db) => {
        const after = decodeCursor('referenced', cursor)
        const refs = since === undefined ? refsOf(db, did) : await refsSince(db, did, since)
        let query = db
          .selectFrom(refs.as('ref'))
          .select('ref.cid')
          .distinct()
          .where('ref.scope', 'in', scopes)
          .where((eb) => eb.not(takenDown(db, did, eb.ref('ref.cid'))))
          .where((eb) => eb.not(isDeleted(db, did)))
          .orderBy('ref.cid')
          .limit(limit + 1)
        if (after) query = query.where('ref.cid', '>', after[0])
        const rows = await query.execute()
        const cids = rows.map((row) => row.cid)
        return pageOf(cids, limit, (cid) => encodeCursor('referenced', cid, ''))
      }, trx),

    listOwn: (did, { limit, cursor, trx }) =>
      session.read(async (db) => {
        const after = decodeCursor('own', cursor)
        let query = selectBlobs(db, did)
          .where((eb) => eb.not(isDeleted(db, did)))
          .orderBy('blob.created_at', 'desc')
          .orderBy('blob.cid', 'desc')
          .limit(limit + 1)
        if (after) {
          const createdAt = Number(after[0])
          if (after[0] === '' || !Number.isSafeInteger(createdAt)) throw notACursor()
          // The first condition alone is what the index can begin at.
          query = query
            .where('blob.created_at', '<=', createdAt)
            .where((eb) =>
              eb.or([
                eb('blob.created_at', '<', createdAt),
                eb.and([eb('blob.created_at', '=', createdAt), eb('blob.cid', '<', after[1])]),
              ]),
            )
        }
        const stats = (await query.execute()).map(toStat)
        return pageOf(stats, limit, (stat) => encodeCursor('own', String(stat.createdAt.getTime()), stat.cid))
      }, trx),

    listMissing: (did, { limit, cursor, trx }) =>
      session.read(async (db) => {
        const after = decodeCursor('missing', cursor)
        let query = db
          .selectFrom('blobstore_expected')
          .select(['cid', 'record_uri as recordUri'])
          .where('did', '=', did)
          // What was taken down cannot be uploaded: it is not missing.
          .where((eb) => eb.not(takenDown(db, did, eb.ref('blobstore_expected.cid'))))
          .where((eb) => eb.not(isDeleted(db, did)))
          .orderBy('cid')
          .orderBy('record_uri')
          .limit(limit + 1)
        if (after) {
          query = query
            .where('cid', '>=', after[0])
            .where((eb) =>
              eb.or([eb('cid', '>', after[0]), eb.and([eb('cid', '=', after[0]), eb('record_uri', '>', after[1])])]),
            )
        }
        const rows = await query.execute()
        return pageOf(rows, limit, (row) => encodeCursor('missing', row.cid, row.recordUri))
      }, trx),

    listAccounts: ({ limit, cursor, trx }) =>
      session.read(async (db) => {
        const after = decodeCursor('accounts', cursor)
        let query = db
          .selectFrom('blobstore_account')
          .select(['did', 'deleted_at'])
          // A row is also the lock of an account that never had a blob.
          .where(hasSomething)
          .orderBy('did')
          .limit(limit + 1)
        if (after) query = query.where('did', '>', after[0])
        const rows = await query.execute()
        const accounts = rows.map((row) => ({ did: row.did, deleted: row.deleted_at !== null }))
        return pageOf(accounts, limit, (account) => encodeCursor('accounts', account.did, ''))
      }, trx),
  }
}

export const hasSomething = (
  eb: ExpressionBuilder<Tables, 'blobstore_account'>,
): ExpressionWrapper<Tables, 'blobstore_account', SqlBool> =>
  eb.or([eb('count', '>', 0), eb('uploads', '>', 0), eb('pending', '>', 0)])

/** What a deleted account had is nobody's to see, though its rows may stay for long: while the database is restored. */
const isDeleted = (db: Kysely<Tables>, did: string): ExpressionWrapper<Tables, never, SqlBool> =>
  expressionBuilder<Tables>().exists(
    db.selectFrom('blobstore_account').select('did').where('did', '=', did).where('deleted_at', 'is not', null),
  )

const refsOf = (db: Kysely<Tables>, did: string) =>
  db.selectFrom('blobstore_ref').select(['cid', 'scope']).where('did', '=', did)

/** So many references are sorted sooner than those of a large account are walked through. */
const few = 10_000

/** The references that are newer than that revision: where they are few by revision, else in the order of CIDs. */
async function refsSince(db: Kysely<Tables>, did: string, since: string) {
  const newer = db.selectFrom('blobstore_ref').where('did', '=', did).where('rev', '>', since).orderBy('rev')
  const areMany = await newer.select('rev').offset(few).limit(1).executeTakeFirst()
  // Not the revision itself, or the database would begin at it, and sort all that are newer for each page.
  if (areMany) return refsOf(db, did).where(sql<boolean>`(rev || '') > ${since}`)
  // With a limit, if one that nothing reaches, it stays a query of its own, and begins at the revision.
  return newer.select(['cid', 'scope']).limit(Number.MAX_SAFE_INTEGER)
}
