import type { ExpressionBuilder, Kysely, SelectQueryBuilder } from 'kysely'
import type { BlobStat, Viewer } from '../facts.ts'
import type { BlobQueries } from '../metadata.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'
import { takenDown } from './takedown-steps.ts'

export type OneBlobQueries = Pick<BlobQueries, 'resolve' | 'recordsFor' | 'counts' | 'usage'>

/** What is asked of one blob, or of an account as a whole. */
export function blobQueries(session: Session): OneBlobQueries {
  return {
    resolve: (did, cid, { as, scopes, trx }) =>
      session.read(async (db) => {
        const [row] = (await findVisible(db, { did, cid, scopes })).rows
        if (!row) return null
        const stat = toStat(row)
        if (!isVisible(stat, as, Boolean(row.visible)) || (row.deleted_at !== null && as !== 'moderator')) return null
        return { ...stat, key: row.key, backend: row.backend }
      }, trx),

    recordsFor: (did, cid, { trx }) =>
      session.read(async (db) => {
        const rows = await db
          .selectFrom('blobstore_ref')
          .select('record_uri')
          .where('did', '=', did)
          .where('cid', '=', cid)
          .orderBy('record_uri')
          .execute()
        return rows.map((row) => row.record_uri)
      }, trx),

    counts: (did, { trx }) =>
      session.read(async (db) => {
        // A CID is referenced or waited for, never both. A temporary blob is no import until a record names it.
        const distinct = (table: 'blobstore_ref' | 'blobstore_expected') =>
          db
            .selectFrom(table)
            .select((eb) => eb.fn.count('cid').distinct().as('count'))
            .where('did', '=', did)
        const row = await db
          .selectNoFrom([distinct('blobstore_ref').as('imported'), distinct('blobstore_expected').as('missing')])
          .executeTakeFirstOrThrow()
        const imported = Number(row.imported)
        return { expected: imported + Number(row.missing), imported }
      }, trx),

    usage: (did, { trx }) =>
      session.read(async (db) => {
        const row = await db
          .selectFrom('blobstore_account')
          .select(['bytes', 'count', 'reserved', 'pending'])
          .where('did', '=', did)
          .executeTakeFirst()
        return {
          bytes: Number(row?.bytes ?? 0),
          count: Number(row?.count ?? 0),
          reserved: Number(row?.reserved ?? 0),
          pending: Number(row?.pending ?? 0),
        }
      }, trx),
  }
}

const findVisible = statement((db, { did, cid, scopes }: { did: string; cid: string; scopes: readonly string[] }) =>
  selectBlobs(db, did)
    // No joins: with one, the SQLite of better-sqlite3 prepares a statement anew for each new value.
    .select((eb) => [
      contentOf(eb).select('content.key').$asScalar().$notNull().as('key'),
      contentOf(eb).select('content.backend').$asScalar().$notNull().as('backend'),
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
            .where('seen.scope', 'in', scopes),
        )
        .as('visible'),
    ])
    .where('blob.cid', '=', cid),
)

type BlobTables = Tables & { blob: Tables['blobstore_blob'] }

function contentOf(
  eb: ExpressionBuilder<BlobTables, 'blob'>,
): SelectQueryBuilder<BlobTables & { content: Tables['blobstore_content'] }, 'blob' | 'content', object> {
  return eb.selectFrom('blobstore_content as content').whereRef('content.cid', '=', 'blob.cid')
}

/** The account's blobs, with what makes a {@link BlobStat}. */
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

function isVisible(stat: BlobStat, as: Viewer, byScope: boolean): boolean {
  if (as === 'moderator') return true
  if (stat.takenDown) return false
  return as === 'account' || byScope
}
