import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { snifferSpelling } from '../../blob/mime-refinements.ts'
import { isSameType, saysSomething } from '../../blob/same-type.ts'
import type { Meeting } from '../contract/uploads.ts'
import type { Tables } from '../schema/tables.ts'
import { statement } from '../statement.ts'
import type { Step } from '../step.ts'
import { maxDifferingClaims } from '../types.ts'
import { keepBlobs } from './kept-blobs.ts'

interface Expected {
  did: string
  cid: string
}

/**
 * How many records start to reference their blob in one transaction. Few, because SQLite lets no other transaction
 * write meanwhile.
 */
const metAtOnce = 250

/** How many of the waiting records, the first by URI, are examined for the blob's type. */
const asked = 1000

/**
 * The type that the account's records give a blob that they wait for: that of the first record, by revision, that gives
 * one. Undefined if no record waits for the blob, null if no record gives a type.
 */
export function* expectedType(db: Kysely<Tables>, blob: Expected): Step<string | null | undefined> {
  const { rows } = yield* findFirstType(db, blob)
  const type = rows[0]?.mime_type
  if (type === undefined) return undefined
  return saysSomething(type) ? snifferSpelling(type) : null
}

// Records that give no type come last.
const findFirstType = statement((db, blob: Expected) =>
  db
    .selectFrom(waiting(db, blob, asked).select(['mime_type', 'rev', 'record_uri']).as('some'))
    .select('mime_type')
    .orderBy(sql`case when mime_type like '%*%' or mime_type = 'application/octet-stream' then 1 else 0 end`)
    .orderBy('rev')
    .orderBy('record_uri')
    .limit(1),
)

/**
 * For a blob that the account holds: the first {@link metAtOnce} records that wait for it reference it from now on. The
 * CID proves the bytes, whatever type and size a record gives. The blob keeps its expiry until no record waits for it
 * any more, so that a collector still finds it.
 */
export function* meetExpectations(
  trx: Kysely<Tables>,
  blob: Expected & { mimeType: string; size: number },
): Step<Meeting> {
  const { did, cid, mimeType, size } = blob
  const { rows } = yield* findDiffering(trx, blob)
  yield* reference(trx, blob)
  yield* forget(trx, { did, cid })
  yield* keepBlobs(trx, { did, cids: [cid] })
  const waiting = yield* waits(trx, { did, cid })
  const differing = rows
    .map((row) => ({
      cid,
      recordUri: row.record_uri,
      mimeType: row.mime_type,
      size: row.size === null ? null : Number(row.size),
    }))
    .filter((claim) => !isSameType(claim.mimeType, mimeType) || (claim.size !== null && claim.size !== size))
  return { differing: differing.slice(0, maxDifferingClaims), waiting }
}

/** Whether any record of the account waits for the blob. */
function* waits(db: Kysely<Tables>, blob: Expected): Step<boolean> {
  return (yield* findWaiting(db, blob)).rows.length > 0
}

const findWaiting = statement((db, blob: Expected) => waiting(db, blob, 1).select('cid'))

/** Up to `atMost` of the records that wait for the blob, the first by URI. */
function waiting(
  db: Kysely<Tables>,
  { did, cid }: Expected,
  atMost: number,
): SelectQueryBuilder<Tables, 'blobstore_expected', object> {
  return db
    .selectFrom('blobstore_expected')
    .where('did', '=', did)
    .where('cid', '=', cid)
    .orderBy('record_uri')
    .limit(atMost)
}

type Met = Expected & { mimeType: string; size: number }

const findDiffering = statement((db, blob: Met) =>
  db
    .selectFrom(waiting(db, blob, metAtOnce).select(['record_uri', 'mime_type', 'size']).as('some'))
    .select(['record_uri', 'mime_type', 'size'])
    .where((eb) => eb.or([eb('mime_type', '<>', blob.mimeType), eb('size', '<>', blob.size)]))
    .orderBy('record_uri'),
)

const reference = statement((db, blob: Met) =>
  db
    .insertInto('blobstore_ref')
    .columns(['did', 'cid', 'record_uri', 'rev', 'scope', 'claimed_type', 'claimed_size'])
    .expression(
      waiting(db, blob, metAtOnce).select((eb) => [
        ...(['did', 'cid', 'record_uri', 'rev', 'scope'] as const),
        eb.fn<string | null>('nullif', ['mime_type', eb.val(blob.mimeType)]).as('claimed_type'),
        eb.fn<number | null>('nullif', ['size', eb.cast<number>(eb.val(blob.size), 'bigint')]).as('claimed_size'),
      ]),
    )
    .onConflict((conflict) => conflict.doNothing()),
)

const forget = statement((db, { did, cid }: Expected) =>
  db
    .deleteFrom('blobstore_expected')
    .where('did', '=', did)
    .where('cid', '=', cid)
    .where('record_uri', 'in', waiting(db, { did, cid }, metAtOnce).select('record_uri')),
)
