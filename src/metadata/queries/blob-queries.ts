import { type ExpressionBuilder, type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import type { BlobQueries } from '../contract/queries.ts'
import type { HostTransaction } from '../host-database.ts'
import type { RefTable, Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import { firstRow, rowsOf, type Step } from '../step.ts'
import type { AccountUsage, BlobStat } from '../types.ts'
import type { NamingTable } from './naming-rows.ts'
import { takedownOf } from './takedown-list.ts'
import { takenDown } from './takedown-steps.ts'
import { walk, walkCids } from './walks.ts'

export type OneBlobQueries = Pick<BlobQueries, 'resolve' | 'recordsFor' | 'importProgress' | 'usage'>

/** Queries about one blob, or about an account as a whole. */
export function blobQueries(session: Session): OneBlobQueries {
  return {
    resolve: (did, cid, { as, scope, trx }) =>
      session.read(function* (db) {
        // No scope is an empty string.
        const [row] = (yield* findVisible(db, { did, cid, scope: scope ?? '' })).rows
        if (!row || (scope !== null && !row.in_scope)) return null
        const stat = toStat(row)
        if ((stat.takenDown && as !== 'moderator') || (row.deleted_at !== null && as !== 'moderator')) return null
        const takedown = stat.takenDown ? yield* takedownOf(db, did, cid) : undefined
        return {
          ...stat,
          ...(takedown && { takedown }),
          key: row.key,
          backend: row.backend,
          damaged: Boolean(row.damaged),
        }
      }, trx),

    recordsFor: async (did, cid, { limit = Number.POSITIVE_INFINITY, trx }) => {
      const uris: string[] = []
      for await (const rows of walk<Reference>((last, atMost) =>
        session.read((db) => referencesAfter(db, { did, cid, after: last, atMost }), trx),
      )) {
        uris.push(...rows.map((row) => row.record_uri))
        if (uris.length >= limit) break
      }
      return uris.slice(0, limit)
    },

    importProgress: async (did, { trx, scope }) => {
      let missing = 0
      for await (const rows of walk<{ cid: string; held: unknown }>((last, atMost) =>
        session.read((db) => cidsIn(db, 'blobstore_expected', { did, scope, after: last?.cid ?? '', atMost }), trx),
      )) {
        missing += rows.filter((row) => !row.held).length
      }
      const imported = scope === undefined ? await referencedBlobs(did, trx) : await referencedIn(did, scope, trx)
      return { expected: imported + missing, imported }
    },

    usage: (did, { trx }) =>
      session.read(function* (db) {
        const row = yield* firstRow(
          db.selectFrom('blobstore_account').select(['bytes', 'count', 'reserved', 'pending']).where('did', '=', did),
        )
        return toUsage(row)
      }, trx),
  }

  async function referencedBlobs(did: string, trx: HostTransaction | undefined): Promise<number> {
    const account = await session.read(
      (db) => firstRow(db.selectFrom('blobstore_account').select(['count', 'temporary']).where('did', '=', did)),
      trx,
    )
    // A temporary blob does not count as imported until a record references it.
    return account ? Number(account.count) - Number(account.temporary) : 0
  }

  async function referencedIn(did: string, scope: string, trx: HostTransaction | undefined): Promise<number> {
    let count = 0
    for await (const rows of walk<{ cid: string }>((last, atMost) =>
      session.read((db) => cidsIn(db, 'blobstore_ref', { did, scope, after: last?.cid ?? '', atMost }), trx),
    )) {
      count += rows.length
    }
    return count
  }
}

type Reference = Pick<RefTable, 'scope' | 'rev' | 'record_uri'>

function referencesAfter(
  db: Kysely<Tables>,
  { did, cid, after, atMost }: { did: string; cid: string; after: Reference | undefined; atMost: number },
): Step<Reference[]> {
  return rowsOf(
    db
      .selectFrom('blobstore_ref')
      .select(['scope', 'rev', 'record_uri'])
      .where('did', '=', did)
      .where('cid', '=', cid)
      .$if(after !== undefined, (query) =>
        query.where(({ eb, refTuple, tuple }) =>
          eb(
            refTuple('scope', 'rev', 'record_uri'),
            '>',
            tuple(after?.scope ?? '', after?.rev ?? '', after?.record_uri ?? ''),
          ),
        ),
      )
      .orderBy('scope')
      .orderBy('rev')
      .orderBy('record_uri')
      .limit(atMost),
  )
}

/** The distinct CIDs that records reference, or those that they wait for, depending on the table. */
function* cidsIn(
  db: Kysely<Tables>,
  table: NamingTable,
  asked: { did: string; scope: string | undefined; after: string; atMost: number },
): Step<{ cid: string; held: unknown }[]> {
  const cids = sql<{ cid: string; held: unknown }>`
    with recursive ${walkCids(table, asked)}
    select cid, exists (select 1 from blobstore_blob as blob where blob.cid = walk.cid and blob.did = ${asked.did}) as held
    from walk where cid is not null order by cid`
  return yield* rowsOf(cids.compile(db))
}

const findVisible = statement((db, { did, cid, scope }: { did: string; cid: string; scope: string }) =>
  selectBlobs(db, did)
    // No joins: with a join, the SQLite of better-sqlite3 prepares the statement again for each new value.
    .select((eb) => [
      contentOf(eb).select('content.key').$asScalar().$notNull().as('key'),
      contentOf(eb).select('content.backend').$asScalar().$notNull().as('backend'),
      contentOf(eb)
        .select((content) => content('content.verified_at', 'is', null).as('damaged'))
        .$asScalar()
        .as('damaged'),
      eb
        .selectFrom('blobstore_account as account')
        .select('account.deleted_at')
        .whereRef('account.did', '=', 'blob.did')
        .as('deleted_at'),
      eb
        .exists(
          eb
            .selectFrom('blobstore_ref as seen')
            .select('seen.cid')
            .whereRef('seen.did', '=', 'blob.did')
            .whereRef('seen.cid', '=', 'blob.cid')
            .where('seen.scope', '=', scope),
        )
        .as('in_scope'),
    ])
    .where('blob.cid', '=', cid),
)

type BlobTables = Tables & { blob: Tables['blobstore_blob'] }

function contentOf(
  eb: ExpressionBuilder<BlobTables, 'blob'>,
): SelectQueryBuilder<BlobTables & { content: Tables['blobstore_content'] }, 'blob' | 'content', object> {
  return eb.selectFrom('blobstore_content as content').whereRef('content.cid', '=', 'blob.cid')
}

/** The account's blobs, with the columns of a {@link BlobStat}. */
export function selectBlobs(db: Kysely<Tables>, did: string): SelectQueryBuilder<BlobTables, 'blob', BlobRow> {
  return db
    .selectFrom('blobstore_blob as blob')
    .select((eb) => [
      'blob.cid',
      'blob.mime_type',
      'blob.size',
      'blob.created_at',
      eb
        .exists(
          eb
            .selectFrom('blobstore_ref as ref')
            .select('ref.cid')
            .whereRef('ref.did', '=', 'blob.did')
            .whereRef('ref.cid', '=', 'blob.cid'),
        )
        .as('referenced'),
      takenDown(db, did, eb.ref('blob.cid')).as('taken_down'),
    ])
    .where('blob.did', '=', did)
}

interface BlobRow {
  cid: string
  mime_type: string
  size: number
  created_at: number
  referenced: unknown
  taken_down: unknown
}

export function toUsage(row: AccountUsage | undefined): AccountUsage {
  return {
    bytes: Number(row?.bytes ?? 0),
    count: Number(row?.count ?? 0),
    reserved: Number(row?.reserved ?? 0),
    pending: Number(row?.pending ?? 0),
  }
}

export function toStat(row: BlobRow): BlobStat {
  return {
    cid: row.cid,
    mimeType: row.mime_type,
    size: Number(row.size),
    createdAt: new Date(Number(row.created_at)),
    referenced: Boolean(row.referenced),
    takenDown: Boolean(row.taken_down),
  }
}
