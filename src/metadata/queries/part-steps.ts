import type { Kysely } from 'kysely'
import { cidOfKey } from '../../backend/key.ts'
import type { NewPart, ResumableState } from '../contract/resumable.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { changedRows, execute, firstRow, type Step } from '../step.ts'
import type { ResolvedQuota } from '../types.ts'
import { assertQuota, lockAccount, lockLivingAccount } from './account-row.ts'
import { assertNotPurged, expired } from './announce-upload.ts'
import { doom } from './doomed-rows.ts'
import {
  moreThanAnnounced,
  noSuchUpload,
  type ResumableRow,
  reopenedRow,
  toState,
  wrongOffset,
} from './resumable-rows.ts'

type Trx = Kysely<Tables>

export interface PartSteps {
  /** See `ResumableSteps.addPart`. */
  addPart(trx: Trx, did: string, id: string, part: NewPart): Step<ResumableState>
  /** Adds to the reservation of an upload whose size is not known, if it still has one. */
  reserveMore(trx: Trx, did: string, row: ResumableRow, more: number, quota: ResolvedQuota): Step<void>
  /** Removes the row of a part's key, and dooms its bytes; `charge` is the account that pays for them until then. */
  dropKey(trx: Trx, charge: { did: string; size: number }, key: string, unusedDelay: number): Step<void>
}

/** The parts of resumable uploads. */
export function partSteps(session: Session): PartSteps {
  return { addPart, reserveMore, dropKey }

  function* addPart(trx: Trx, did: string, id: string, part: NewPart): Step<ResumableState> {
    const { start, size, key, backend, replaces, after, reservation } = part
    yield* lockLivingAccount(trx, did)
    const row = yield* reopenedRow(session, trx, did, id, reservation)
    if (row.state === 'finished') throw noSuchUpload(did)
    yield* assertNamed(trx, did, key)
    yield* assertNotPurged(trx, did, cidOfKey(key) ?? '')
    // Parts of a known size come in any order; all others continue what has arrived, as the sender saw it.
    if (after !== null && after !== Number(row.received)) throw wrongOffset(did, Number(row.received))
    const former = replaces === null ? 0 : yield* removePart(trx, did, id, replaces)
    const more = size - former
    if (row.size === null) yield* reserveMore(trx, did, row, more, reservation.quota)
    // Also for what was replaced: bytes that are sent again and again must not fill the disk.
    assertQuota(did, yield* lockAccount(trx, did), reservation.quota)
    yield* execute(trx.insertInto('blobstore_part').values({ upload: id, start, size, key, backend }))
    const received = Number(row.received) + more
    // Another request may have said meanwhile how much there is to be.
    if (row.size !== null && received > Number(row.size)) throw moreThanAnnounced(did, Number(row.size))
    yield* execute(trx.updateTable('blobstore_resumable').set({ received }).where('id', '=', id))
    return toState({ ...row, received })
  }

  /** The part's row was not removed by a collector, and is not until this transaction ends. */
  function* assertNamed(trx: Trx, did: string, key: string): Step<void> {
    const query = trx.selectFrom('blobstore_upload').select('key').where('key', '=', key)
    const row = yield* firstRow(session.dialect.name === 'postgres' ? query.forUpdate() : query)
    if (!row) throw expired({ did })
  }

  function* removePart(trx: Trx, did: string, id: string, start: number): Step<number> {
    const row = yield* firstRow(
      trx
        .deleteFrom('blobstore_part')
        .where('upload', '=', id)
        .where('start', '=', start)
        .returning(['key', 'backend', 'size']),
    )
    if (!row) return 0
    // Counts as the account's until it is deleted. Without a delay: its `put` was acknowledged.
    yield* dropKey(trx, { did, size: Number(row.size) }, row.key, 0)
    return Number(row.size)
  }

  function* reserveMore(trx: Trx, did: string, row: ResumableRow, more: number, quota: ResolvedQuota): Step<void> {
    if (row.reservation === null) return
    const changed = yield* changedRows(
      trx
        .updateTable('blobstore_upload')
        .set((eb) => ({ reserved: eb('reserved', '+', more) }))
        .where('key', '=', row.reservation),
    )
    if (changed === 1) assertQuota(did, yield* lockAccount(trx, did, { reserved: more }), quota)
  }

  function* dropKey(
    trx: Trx,
    { did, size }: { did: string; size: number },
    key: string,
    unusedDelay: number,
  ): Step<void> {
    const row = yield* firstRow(
      trx.deleteFrom('blobstore_upload').where('key', '=', key).where('did', 'is', null).returning(['key', 'backend']),
    )
    if (!row) return
    yield* doom(session, trx, [{ key, backend: row.backend, did, size }], unusedDelay)
  }
}
