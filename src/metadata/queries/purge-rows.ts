import { type ExpressionWrapper, type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import type { PurgeRecord } from '../contract/purges.ts'
import type { PurgeTable, Tables } from '../schema/tables.ts'
import { statement } from '../statement.ts'
import { firstRow, rowsOf, type Step } from '../step.ts'
import { everyAccount, hasTakedown } from './takedown-rows.ts'

/**
 * Whether the CID is purged for this account or for all, and the takedown was not reversed. Then no bytes of it are
 * stored for the account.
 */
export function* isPurged(db: Kysely<Tables>, did: string, cid: string): Step<boolean> {
  return (yield* findPurged(db, { did, cid })).rows.some((row) => row.purged)
}

const findPurged = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectNoFrom(purged(db, did, cid).as('purged')),
)

/**
 * The same as a condition. Without an account, as for a copy that the store makes: whether the CID is purged for all.
 */
export function purged(
  db: Kysely<Tables>,
  did: string | null,
  cid: string | null,
): ExpressionWrapper<Tables, never, SqlBool> {
  return hasTakedown(db, { did, cid }, (all) => all.where('purged', '=', 1))
}

/** Those of the CIDs that are purged for all accounts. */
export function* purgedAmong(db: Kysely<Tables>, cids: readonly string[]): Step<ReadonlySet<string>> {
  if (cids.length === 0) return new Set()
  const rows = yield* rowsOf(
    db
      .selectFrom('blobstore_takedown')
      .select('cid')
      .where('cid', 'in', cids)
      .where('did', '=', everyAccount)
      .where('purged', '=', 1),
  )
  return new Set(rows.map((row) => row.cid))
}

/** The range of a CID's keys in the primary key of the table: they begin with the CID. */
export function keysOf(cid: BlobCid): { from: string; to: string } {
  return { from: `${cid}.`, to: `${cid}/` }
}

/** Whether an account for which the CID is purged still has the blob. */
export function* isHeldYet(db: Kysely<Tables>, did: string, cid: BlobCid): Step<boolean> {
  return (yield* isPurged(db, did, cid)) && (yield* hasHolder(db, did, cid))
}

/**
 * Whether a purge of the same CID for the same account, or `*`, is unfinished, and that account, or with `*` any, still
 * has the blob.
 */
export function* isReleasing(db: Kysely<Tables>, did: string, cid: BlobCid): Step<boolean> {
  const unfinished = yield* firstRow(
    db
      .selectFrom('blobstore_purge_record')
      .select('id')
      .where('cid', '=', cid)
      .where('did', '=', did)
      .where('unfinished', '=', 1)
      .limit(1),
  )
  return unfinished !== undefined && (yield* hasHolder(db, did, cid))
}

function* hasHolder(db: Kysely<Tables>, did: string, cid: BlobCid): Step<boolean> {
  const held = yield* firstRow(
    db
      .selectFrom('blobstore_blob')
      .select('cid')
      .where('cid', '=', cid)
      .$if(did !== everyAccount, (query) => query.where('did', '=', did))
      .limit(1),
  )
  return held !== undefined
}

/** Whether other accounts have the bytes of the CID, or had them last: then a tombstone is charged to one of them. */
export function* isShared(db: Kysely<Tables>, did: string, cid: BlobCid): Step<boolean> {
  if (did === everyAccount) return false
  const { from, to } = keysOf(cid)
  const found = sql`
    select 1 from blobstore_content where cid = ${cid}
    union all
    select 1 from blobstore_doomed
      where ${sql.ref('key')} > ${from} and ${sql.ref('key')} < ${to} and backend is not null and did <> ${did}
    limit 1`
  return (yield* firstRow(found.compile(db))) !== undefined
}

export function toRecord(row: Selectable<PurgeTable>): PurgeRecord {
  return {
    did: row.did,
    cid: row.cid,
    purgedAt: new Date(Number(row.purged_at)),
    reason: row.reason,
    by: row.requested_by,
    keys: Number(row.key_count),
    goneAt: dateOf(row.gone_at),
    sharedWithOthers: Boolean(row.shared),
    heldByBackups: dateOf(row.backed_up_at),
  }
}

const dateOf = (time: number | null): Date | null => (time === null ? null : new Date(Number(time)))
