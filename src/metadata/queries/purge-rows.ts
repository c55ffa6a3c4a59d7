import { type ExpressionWrapper, expressionBuilder, type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import type { PurgeRecord } from '../contract/purges.ts'
import type { PurgeTable, Tables } from '../schema/tables.ts'
import { statement } from '../statement.ts'

const everyAccount = '*'

/** Whether the CID is purged for this account, or for all, and that was not reversed: none of its bytes are stored for it. */
export async function isPurged(db: Kysely<Tables>, did: string, cid: string): Promise<boolean> {
  return (await findPurged(db, { did, cid })).rows.some((row) => row.purged)
}

const findPurged = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectNoFrom(purged(db, did, cid).as('purged')),
)

/** The same as a condition. Without an account, as of a copy that the store makes: whether it is for all. */
export function purged(
  db: Kysely<Tables>,
  did: string | null,
  cid: string | null,
): ExpressionWrapper<Tables, never, SqlBool> {
  const { exists, or } = expressionBuilder<Tables>()
  const takedowns = db.selectFrom('blobstore_takedown').select('did').where('cid', '=', cid).where('purged', '=', 1)
  return or([exists(takedowns.where('did', '=', did)), exists(takedowns.where('did', '=', everyAccount))])
}

/** Those of the CIDs that are purged for all. */
export async function purgedAmong(db: Kysely<Tables>, cids: readonly string[]): Promise<ReadonlySet<string>> {
  if (cids.length === 0) return new Set()
  const rows = await db
    .selectFrom('blobstore_takedown')
    .select('cid')
    .where('cid', 'in', cids)
    .where('did', '=', everyAccount)
    .where('purged', '=', 1)
    .execute()
  return new Set(rows.map((row) => row.cid))
}

/** The keys of a CID begin with it: a part of the table's primary key. */
export function keysOf(cid: BlobCid): { from: string; to: string } {
  return { from: `${cid}.`, to: `${cid}/` }
}

/** Whether accounts for which the CID is purged still have the blob. */
export async function isHeldYet(db: Kysely<Tables>, did: string, cid: BlobCid): Promise<boolean> {
  return (await isPurged(db, did, cid)) && (await hasHolder(db, did, cid))
}

/** Whether a purge of the same is not finished, and the account, or with `*` any, has the blob. */
export async function isReleasing(db: Kysely<Tables>, did: string, cid: BlobCid): Promise<boolean> {
  const unfinished = await db
    .selectFrom('blobstore_purge')
    .select('id')
    .where('cid', '=', cid)
    .where('did', '=', did)
    .where('unfinished', '=', 1)
    .limit(1)
    .executeTakeFirst()
  return unfinished !== undefined && (await hasHolder(db, did, cid))
}

async function hasHolder(db: Kysely<Tables>, did: string, cid: BlobCid): Promise<boolean> {
  const held = await db
    .selectFrom('blobstore_blob')
    .select('cid')
    .where('cid', '=', cid)
    .$if(did !== everyAccount, (query) => query.where('did', '=', did))
    .limit(1)
    .executeTakeFirst()
  return held !== undefined
}

/** Whether accounts other than this one have the bytes of the CID, or had them last: their tombstone is charged to one of them. */
export async function isShared(db: Kysely<Tables>, did: string, cid: BlobCid): Promise<boolean> {
  if (did === everyAccount) return false
  const { from, to } = keysOf(cid)
  const { rows } = await sql`
    select 1 from blobstore_content where cid = ${cid}
    union all
    select 1 from blobstore_doomed
      where ${sql.ref('key')} > ${from} and ${sql.ref('key')} < ${to} and backend is not null and did <> ${did}
    limit 1`.execute(db)
  return rows.length > 0
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
