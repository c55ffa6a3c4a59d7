import { type Kysely, sql } from 'kysely'
import { snifferSpelling } from '../../blob/mime-refinements.ts'
import { isSameType, saysSomething } from '../../blob/same-type.ts'
import type { DifferingClaim } from '../facts.ts'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'

interface Expected {
  did: string
  cid: string
}

/** The most claims that are told. */
export const toldClaims = 100

/**
 * The type that the account's records give the blob that they wait for: that of the first of them, by revision, which
 * gives one. Undefined when no record waits for it, null when none of them says what it is.
 */
export async function expectedType(db: Kysely<Tables>, blob: Expected): Promise<string | null | undefined> {
  const { rows } = await findFirstType(db, blob)
  const type = rows[0]?.mime_type
  if (type === undefined) return undefined
  return saysSomething(type) ? snifferSpelling(type) : null
}

// Those that say nothing come last.
const findFirstType = statement((db, { did, cid }: Expected) =>
  db
    .selectFrom('blobstore_expected')
    .select('mime_type')
    .where('did', '=', did)
    .where('cid', '=', cid)
    .orderBy(sql`case when mime_type like '%*%' or mime_type = 'application/octet-stream' then 1 else 0 end`)
    .orderBy('rev')
    .orderBy('record_uri')
    .limit(1),
)

/**
 * The account now holds the blob: every record that was waiting for it references it from here on. The CID proves the
 * bytes, whatever a record says of their type and size. Resolves with what records say otherwise.
 */
export async function meetExpectations(
  trx: Kysely<Tables>,
  blob: Expected & { mimeType: string; size: number },
): Promise<DifferingClaim[]> {
  const { did, cid, mimeType, size } = blob
  const { rows } = await findDiffering(trx, blob)
  await reference(trx, blob)
  const { numAffectedRows } = await forget(trx, { did, cid })
  if (!numAffectedRows) return []
  await trx
    .updateTable('blobstore_blob')
    .set({ expires_at: null, was_referenced: 1 })
    .where('did', '=', did)
    .where('cid', '=', cid)
    .execute()
  return rows
    .map((row) => ({
      cid,
      recordUri: row.record_uri,
      mimeType: row.mime_type,
      size: row.size === null ? null : Number(row.size),
    }))
    .filter((claim) => !isSameType(claim.mimeType, mimeType) || (claim.size !== null && claim.size !== size))
}

type Met = Expected & { mimeType: string; size: number }

const findDiffering = statement((db, { did, cid, mimeType, size }: Met) =>
  db
    .selectFrom('blobstore_expected')
    .select(['record_uri', 'mime_type', 'size'])
    .where('did', '=', did)
    .where('cid', '=', cid)
    .where((eb) => eb.or([eb('mime_type', '<>', mimeType), eb('size', '<>', size)]))
    .orderBy('record_uri')
    .limit(toldClaims),
)

const reference = statement((db, { did, cid, mimeType, size }: Met) =>
  db
    .insertInto('blobstore_ref')
    .columns(['did', 'cid', 'record_uri', 'rev', 'scope', 'claimed_type', 'claimed_size'])
    .expression(
      db
        .selectFrom('blobstore_expected')
        .select((eb) => [
          ...(['did', 'cid', 'record_uri', 'rev', 'scope'] as const),
          eb.fn<string | null>('nullif', ['mime_type', eb.val(mimeType)]).as('claimed_type'),
          eb.fn<number | null>('nullif', ['size', eb.cast<number>(eb.val(size), 'bigint')]).as('claimed_size'),
        ])
        .where('did', '=', did)
        .where('cid', '=', cid),
    )
    .onConflict((conflict) => conflict.columns(['did', 'cid', 'record_uri']).doNothing()),
)

const forget = statement((db, { did, cid }: Expected) =>
  db.deleteFrom('blobstore_expected').where('did', '=', did).where('cid', '=', cid),
)
