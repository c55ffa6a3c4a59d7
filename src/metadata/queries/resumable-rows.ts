import { type ExpressionWrapper, expressionBuilder, type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Part, ReservationOf, ResumableState } from '../contract/resumable.ts'
import type { ResumableTable } from '../schema/resumable-tables.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, rowsOf, type Step } from '../step.ts'
import type { ResolvedQuota } from '../types.ts'
import { assertQuota, lockAccount } from './account-row.ts'
import { announceUpload } from './announce-upload.ts'

type Trx = Kysely<Tables>

export type ResumableRow = Selectable<ResumableTable> & {
  /** Whether another request is storing the blob. */
  busy: boolean
}

/** The row of an upload that is neither over nor expired. A finished one is over when its account has lost the blob. */
export function* livingRow(session: Session, db: Trx, did: string, id: string): Step<ResumableRow | null> {
  const row = yield* firstRow(
    db
      .selectFrom('blobstore_resumable')
      .selectAll()
      .select(isBusy(session).as('busy'))
      .where('id', '=', id)
      .where('did', '=', did)
      .where('state', '<>', 'ended')
      .where('expires_at', '>', session.now())
      .where((eb) => eb.or([eb('state', '<>', 'finished'), hasBlob()])),
  )
  return row ? { ...row, busy: row.state === 'finishing' && Boolean(row.busy) } : null
}

/** Whether the account has the blob of a finished upload, which a collection, a purge or the account's deletion may have taken away. */
function hasBlob(): ExpressionWrapper<Tables, 'blobstore_resumable', SqlBool> {
  const { exists, selectFrom } = expressionBuilder<Tables, 'blobstore_resumable'>()
  const blob = selectFrom('blobstore_blob as blob')
    .innerJoin('blobstore_account as account', 'account.did', 'blob.did')
    .select('blob.cid')
    .whereRef('blob.did', '=', 'blobstore_resumable.did')
    .whereRef('blob.cid', '=', 'blobstore_resumable.cid')
    .where('account.deleted_at', 'is', null)
  return exists(blob)
}

/**
 * The same, for a request that changes it.
 *
 * @throws `UploadNotFound`, and `UploadBusy` while another request stores the blob
 */
export function* openRow(session: Session, trx: Trx, did: string, id: string): Step<ResumableRow> {
  const row = yield* livingRow(session, trx, did, id)
  if (!row) throw noSuchUpload(did)
  if (!row.busy) return row
  throw new BlobStoreError('UploadBusy', 'This upload is being finished by another request; ask for its state', {
    did,
    transient: true,
  })
}

/**
 * The same, for a request that adds to it. If the process that was storing the blob has stood still for too long, the
 * upload is open again, with the space that was its own.
 */
export function* reopenedRow(
  session: Session,
  trx: Trx,
  did: string,
  id: string,
  reservation: ReservationOf,
): Step<ResumableRow> {
  const row = yield* openRow(session, trx, did, id)
  return row.state === 'finishing' ? yield* reopen(session, trx, did, row, reservation) : row
}

/** Opens an upload again that was being finished. */
export function* reopen(
  session: Session,
  trx: Trx,
  did: string,
  row: ResumableRow,
  reservation: ReservationOf,
): Step<ResumableRow> {
  yield* freeReservation(trx, did, row.claimed_by)
  const space = Number(row.size ?? row.received)
  yield* reserveSpace(trx, announceUpload(session), did, space, { ...reservation, quota: unlimitedQuota })
  const open = { state: 'open', busy_until: null, claimed_by: null, reservation: reservation.generation } as const
  yield* execute(trx.updateTable('blobstore_resumable').set(open).where('id', '=', row.id))
  return { ...row, ...open }
}

/** The longest claim, in milliseconds. One that ends later was made by a clock that ran ahead, and counts for nothing. */
const longestClaim = 60_000

/** Whether a process is storing the blob now. */
export function isBusy(session: Session): ExpressionWrapper<Tables, 'blobstore_resumable', SqlBool> {
  const { and, eb } = expressionBuilder<Tables, 'blobstore_resumable'>()
  return and([eb('busy_until', '>', session.now()), eb('busy_until', '<=', session.now(longestClaim))])
}

export function noSuchUpload(did: string): BlobStoreError {
  return new BlobStoreError(
    'UploadNotFound',
    'There is no such resumable upload, or it has ended or expired; begin a new one',
    { did },
  )
}

/** The bytes do not continue what has arrived. */
export function wrongOffset(did: string, offset: number): BlobStoreError {
  return new BlobStoreError(
    'UploadOffsetMismatch',
    `The upload has ${offset} bytes: continue there. Another request may have added bytes meanwhile`,
    { did, offset },
  )
}

/** More bytes than were announced. */
export function moreThanAnnounced(did: string, size: number): BlobStoreError {
  return new BlobStoreError('InvalidSize', `${size} bytes were announced, but more arrived`, { did })
}

export function toState(row: Selectable<ResumableTable>): ResumableState {
  return {
    id: row.id,
    size: numberOf(row.size),
    partSize: numberOf(row.part_size),
    received: Number(row.received),
    mimeType: row.mime_type,
    cid: row.cid,
    note: row.note,
    expiresAt: Number(row.expires_at),
    finished: row.state === 'finished',
  }
}

const numberOf = (value: number | null): number | null => (value === null ? null : Number(value))

/** Up to `limit` parts, in order. */
export function* partRows(db: Trx, id: string, after: number, limit: number): Step<Part[]> {
  const rows = yield* rowsOf(
    db
      .selectFrom('blobstore_part')
      .select(['start', 'size', 'key', 'backend'])
      .where('upload', '=', id)
      .where('start', '>', after)
      .orderBy('start')
      .limit(limit),
  )
  return rows.map((row) => ({ ...row, start: Number(row.start), size: Number(row.size) }))
}

/** Deletes the row in `upload` that reserves space, and frees the space. Resolves with whether there was one. */
export function* freeReservation(trx: Trx, did: string, key: string | null): Step<boolean> {
  if (key === null) return false
  const row = yield* firstRow(
    // With a CID, it is an upload that has begun to store the bytes, and that ends by itself.
    trx.deleteFrom('blobstore_upload').where('key', '=', key).where('cid', 'is', null).returning('reserved'),
  )
  if (!row) return false
  yield* lockAccount(trx, did, { reserved: -Number(row.reserved), uploads: -1 })
  return true
}

/** @throws `QuotaExceeded` */
export function* reserveSpace(
  trx: Trx,
  announce: ReturnType<typeof announceUpload>,
  did: string,
  reserved: number,
  { generation, backend, quota, lease }: ReservationOf,
): Step<void> {
  assertQuota(did, yield* lockAccount(trx, did, { reserved, uploads: 1 }), quota)
  yield* announce(trx, { key: generation, backend, did, cid: null, reserved, lease })
}

/** How many unfinished uploads the account has, counted up to `most`. */
export function* countUnfinished(session: Session, trx: Trx, did: string, most: number): Step<number> {
  const rows = yield* rowsOf(
    trx
      .selectFrom('blobstore_resumable')
      .select(sql`1`.as('one'))
      .where('did', '=', did)
      .where('state', 'in', ['open', 'finishing'])
      .where('expires_at', '>', session.now())
      .limit(most),
  )
  return rows.length
}

/** For space that was the upload's own. */
export const unlimitedQuota: ResolvedQuota = {
  bytes: Number.POSITIVE_INFINITY,
  blobs: Number.POSITIVE_INFINITY,
  temporaryBlobs: Number.POSITIVE_INFINITY,
  pendingBytes: Number.POSITIVE_INFINITY,
}
