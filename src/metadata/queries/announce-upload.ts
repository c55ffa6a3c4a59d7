import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { Dialect } from '../dialect.ts'
import type { Tables, UploadTable } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import type { TimedBuild } from '../statement.ts'
import type { Step } from '../step.ts'
import { isPurged, purged } from './purge-rows.ts'

type Announced = Omit<UploadTable, 'lease_until'> & { lease: number }

/**
 * Inserts the row before the bytes, but only while the backend is in use: a process that was paused while everything
 * moved away and its backend was retired must not continue to write there. PostgreSQL locks the backend's row until the
 * transaction ends; SQLite has one writer at a time. Nor does it insert a row for a purged CID, whose bytes must not be
 * stored. An upload whose CID is not known yet is refused when its row gets the CID, see {@link assertNotPurged}.
 */
export function announceUpload(session: Session): (trx: Kysely<Tables>, upload: Announced) => Step<void> {
  const insert = session.statement(insertUpload(session.dialect.name))
  return function* (trx, upload) {
    const { numAffectedRows } = yield* insert(trx, upload)
    if (numAffectedRows === 1n) return
    if (upload.cid !== null) yield* assertNotPurged(trx, upload.did, upload.cid)
    throw retired(upload.backend)
  }
}

export const insertUpload =
  (dialect: Dialect['name']): TimedBuild<Announced, unknown> =>
  (db, { key, backend, did, cid, reserved, lease }, now) =>
    db
      .insertInto('blobstore_upload')
      .columns(['key', 'backend', 'did', 'cid', 'reserved', 'lease_until'])
      .expression(
        db
          .selectFrom('blobstore_backend')
          .select((eb) => [
            eb.cast<string>(eb.val(key), 'text').as('key'),
            'name',
            eb.cast<string | null>(eb.val(did), 'text').as('did'),
            eb.cast<string | null>(eb.val(cid), 'text').as('cid'),
            eb.cast<number>(eb.val(reserved), 'bigint').as('reserved'),
            now(lease).as('lease_until'),
          ])
          .where('name', '=', backend)
          .where((eb) => eb.not(purged(db, did, cid)))
          .$if(dialect === 'postgres', (query) => query.forKeyShare()),
      )

/** The backend's row, which is not deleted before the transaction ends. */
export const findBackend =
  (dialect: Dialect['name']): TimedBuild<{ backend: string }, { name: string }> =>
  (db, { backend }) =>
    db
      .selectFrom('blobstore_backend')
      .select('name')
      .where('name', '=', backend)
      .$if(dialect === 'postgres', (query) => query.forKeyShare())

/** @throws `BlobTakenDown` */
export function* assertNotPurged(trx: Kysely<Tables>, did: string | null, cid: string): Step<void> {
  if (!(yield* isPurged(trx, did ?? '', cid))) return
  const about = { ...(did !== null && { did }), cid }
  throw new BlobStoreError('BlobTakenDown', 'This blob was taken down and cannot be uploaded again', about)
}

export function retired(backend: string): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `Everything was moved away from ${backend}, and nothing may be written there: this process was paused meanwhile, or cannot ` +
      'reach the others. Start it again with the backend that they write to',
    { backend },
  )
}

/** The entry was closed, because the process did not renew it in time. */
export function closed({ did, cid }: { did: string; cid: string }): BlobStoreError {
  return new BlobStoreError(
    'UploadExpired',
    'The other processes of the store took this one for dead, because it was paused or could not reach the database; upload again',
    { did, cid, transient: true },
  )
}

/** The row was deleted, because the upload was collected. */
export function expired({ did, ...upload }: { did: string; cid?: string }): BlobStoreError {
  return new BlobStoreError('UploadExpired', 'The upload took longer than its lease and was collected; upload again', {
    did,
    cid: upload.cid,
    transient: true,
  })
}
