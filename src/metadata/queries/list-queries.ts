import type { ExpressionBuilder, ExpressionWrapper, Kysely, SqlBool } from 'kysely'
import type { BlobQueries } from '../contract/queries.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { rowsOf, type Step } from '../step.ts'
import type { AccountUsage } from '../types.ts'
import { isDeleted } from './account-row.ts'
import { selectBlobs, toStat, toUsage } from './blob-queries.ts'
import { decodeCursor, encodeCursor, listReferenced, notACursor, pageOf } from './list-referenced.ts'
import { takenDown } from './takedown-steps.ts'
import { fill } from './walks.ts'

/** The lists, in pages. */
export function listQueries(
  session: Session,
): Pick<BlobQueries, 'listReferenced' | 'listAll' | 'listMissing' | 'listAccounts'> {
  return {
    listReferenced: async (did, { limit, cursor, since, scope, trx }) => {
      const [after] = decodeCursor('referenced', cursor) ?? ['']
      return listReferenced(session, { did, after, limit, since, scope }, trx)
    },

    listAll: (did, { limit, cursor, trx }) =>
      session.read(function* (db) {
        const after = decodeCursor('own', cursor)
        let query = selectBlobs(db, did)
          .where((eb) => eb.not(isDeleted(db, did)))
          .orderBy('blob.created_at', 'desc')
          .orderBy('blob.cid', 'desc')
          .limit(limit + 1)
        if (after) {
          const createdAt = Number(after[0])
          if (after[0] === '' || !Number.isSafeInteger(createdAt)) throw notACursor()
          query = query.where(({ eb, refTuple, tuple }) =>
            eb(refTuple('blob.created_at', 'blob.cid'), '<', tuple(createdAt, after[1])),
          )
        }
        const stats = (yield* rowsOf(query)).map(toStat)
        return pageOf(stats, limit, (stat) => encodeCursor('own', String(stat.createdAt.getTime()), stat.cid))
      }, trx),

    listMissing: async (did, { limit, cursor, scope, trx }) => {
      const begin = decodeCursor('missing', cursor)
      const after = begin ? { cid: begin[0], recordUri: begin[1], missing: true } : undefined
      const rows = await fill<Waiting>(
        limit + 1,
        (last, atMost) => session.read((db) => waitingAfter(db, { did, scope, after: last ?? after, atMost }), trx),
        (row) => row.missing,
      )
      const items = rows.map(({ cid, recordUri }) => ({ cid, recordUri }))
      return pageOf(items, limit, (row) => encodeCursor('missing', row.cid, row.recordUri))
    },

    listAccounts: async ({ limit, cursor, trx }) => {
      const [begin] = decodeCursor('accounts', cursor) ?? ['']
      const rows = await fill<Account>(
        limit + 1,
        (last, atMost) => session.read((db) => accountsAfter(db, last?.did ?? begin, atMost), trx),
        // An account that never had a blob may have a row too, as its lock.
        (row) => Boolean(row.has),
      )
      const accounts = rows.map((row) => ({ did: row.did, deleted: row.deleted_at !== null, ...toUsage(row) }))
      return pageOf(accounts, limit, (account) => encodeCursor('accounts', account.did, ''))
    },
  }
}

interface Account extends AccountUsage {
  did: string
  deleted_at: number | null
  has: unknown
}

const accountsAfter = (db: Kysely<Tables>, did: string, atMost: number): Step<Account[]> =>
  rowsOf(
    db
      .selectFrom('blobstore_account')
      .select(['did', 'deleted_at', 'bytes', 'count', 'reserved', 'pending'])
      .select((eb) => eb.or([hasSomething(eb), waits(eb)]).as('has'))
      .where('did', '>', did)
      .orderBy('did')
      .limit(atMost),
  )

/** Whether a record of the account waits for a blob. */
const waits = (
  eb: ExpressionBuilder<Tables, 'blobstore_account'>,
): ExpressionWrapper<Tables, 'blobstore_account', SqlBool> =>
  eb.exists(
    eb
      .selectFrom('blobstore_expected as expected')
      .select('expected.did')
      .whereRef('expected.did', '=', 'blobstore_account.did'),
  )

interface Waiting {
  cid: string
  recordUri: string
  /**
   * False for a blob that is taken down, because it cannot be uploaded; and for one that is held, because its records
   * are about to reference it.
   */
  missing: boolean
}

/**
 * Records that wait for blobs. After a record whose blob is not missing, continues with the next blob, because a
 * million records may name one blob.
 */
function* waitingAfter(
  db: Kysely<Tables>,
  { did, scope, after, atMost }: { did: string; scope: string | undefined; after: Waiting | undefined; atMost: number },
): Step<Waiting[]> {
  let query = db
    .selectFrom('blobstore_expected')
    .select(['cid', 'record_uri as recordUri'])
    .select((eb) => [
      takenDown(db, did, eb.ref('blobstore_expected.cid')).as('takenDown'),
      eb
        .exists(
          eb
            .selectFrom('blobstore_blob as blob')
            .select('blob.cid')
            .where('blob.did', '=', did)
            .whereRef('blob.cid', '=', 'blobstore_expected.cid'),
        )
        .as('held'),
    ])
    .where('did', '=', did)
    .$if(scope !== undefined, (query) => query.where('scope', '=', scope ?? ''))
    .where((eb) => eb.not(isDeleted(db, did)))
    .orderBy('cid')
    .orderBy('record_uri')
    .limit(atMost)
  if (after?.missing === false) query = query.where('cid', '>', after.cid)
  else if (after) {
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('cid', 'record_uri'), '>', tuple(after.cid, after.recordUri)),
    )
  }
  const rows = yield* rowsOf(query)
  return rows.map(({ cid, recordUri, ...row }) => ({
    cid,
    recordUri,
    missing: !row.takenDown && !row.held,
  }))
}

export const hasSomething = (
  eb: ExpressionBuilder<Tables, 'blobstore_account'>,
): ExpressionWrapper<Tables, 'blobstore_account', SqlBool> =>
  eb.or([eb('count', '>', 0), eb('uploads', '>', 0), eb('pending', '>', 0)])
