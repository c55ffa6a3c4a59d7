import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { NewResumable } from '../contract/resumable.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, type Step } from '../step.ts'
import { lockLivingAccount } from './account-row.ts'
import { announceUpload } from './announce-upload.ts'
import { countUnfinished, freeReservation, reserveSpace } from './resumable-rows.ts'

type Trx = Kysely<Tables>

/** How old an upload without a byte must be to make room for another, in milliseconds: its first part may be slow. */
const abandonedAfter = 10 * 60_000

/** The first step of a resumable upload: reserves its space, and one of the account's places. */
export function beginResumable(session: Session): (trx: Trx, upload: NewResumable) => Step<void> {
  const announce = announceUpload(session)
  return create

  function* create(trx: Trx, upload: NewResumable): Step<void> {
    const { id, did, size, partSize, mimeType, cid, note, most } = upload
    yield* lockLivingAccount(trx, did)
    const atLimit = (yield* countUnfinished(session, trx, did, most)) === most
    if (atLimit && !(yield* endAbandoned(trx, did, upload.expires))) throw tooMany(did, most)
    yield* reserveSpace(trx, announce, did, size ?? 0, upload)
    yield* execute(
      trx.insertInto('blobstore_resumable').values({
        ...{ id, did, state: 'open', size, part_size: partSize, received: 0 },
        ...{ reservation: upload.generation, mime_type: mimeType, cid, busy_until: null, claimed_by: null, note },
        expires_at: session.now(upload.expires),
      }),
    )
  }

  /** Ends the oldest upload that has no byte, as of a client that never learned its address. Whether there was one. */
  function* endAbandoned(trx: Trx, did: string, expires: number): Step<boolean> {
    const row = yield* firstRow(
      trx
        .selectFrom('blobstore_resumable')
        .select(['id', 'reservation'])
        .where('did', '=', did)
        .where('state', '=', 'open')
        .where('received', '=', 0)
        .where('expires_at', '>', session.now())
        .where('expires_at', '<=', session.now(expires - abandonedAfter))
        .orderBy('expires_at')
        .limit(1),
    )
    if (!row) return false
    yield* freeReservation(trx, did, row.reservation)
    const ended = { state: 'ended', reservation: null, expires_at: session.now() } as const
    yield* execute(trx.updateTable('blobstore_resumable').set(ended).where('id', '=', row.id))
    return true
  }
}

function tooMany(did: string, most: number): BlobStoreError {
  return new BlobStoreError(
    'TooManyUploads',
    `The account has ${most} unfinished resumable uploads, and may not have more; finish or abort one`,
    { did }, // not transient: it does not pass by waiting a moment
  )
}
