import { BlobStoreError } from '../../errors.ts'
import type { Part, ResumableState, ResumableSteps } from '../contract/resumable.ts'
import type { Session } from '../session.ts'
import { execute, firstRow } from '../step.ts'
import { assertQuota, lockAccount, lockLivingAccount } from './account-row.ts'
import { announceUpload, assertNotPurged } from './announce-upload.ts'
import { beginResumable } from './begin-resumable.ts'
import { endFinished, findExpired, forgetExpired, forgetParts } from './forget-resumables.ts'
import { partSteps } from './part-steps.ts'
import {
  freeReservation,
  livingRow,
  openRow,
  partRows,
  reopen,
  reopenedRow,
  reserveSpace,
  toState,
  unlimitedQuota,
} from './resumable-rows.ts'

/** How many parts one statement reads. */
const atOnce = 1000

export function resumableSteps(session: Session): ResumableSteps {
  const announce = announceUpload(session)
  const create = beginResumable(session)
  const { addPart, reserveMore, dropKey } = partSteps(session)
  return {
    createResumable: (upload) => session.write((trx) => create(trx, upload)),

    findResumable: (did, id) =>
      session.read(function* (db) {
        const row = yield* livingRow(session, db, did, id)
        return row && toState(row)
      }),

    sizeResumable: (did, id, size, reservation) =>
      session.write(function* (trx) {
        yield* lockLivingAccount(trx, did)
        const row = yield* reopenedRow(session, trx, did, id, reservation)
        const state = toState(row)
        if (state.size === size) return state
        if (state.size !== null || size < state.received) throw otherSize(did, size, state)
        yield* reserveMore(trx, did, row, size - state.received, reservation.quota)
        yield* execute(trx.updateTable('blobstore_resumable').set({ size }).where('id', '=', id))
        return { ...state, size }
      }),

    partsOf: async (id) => {
      const parts: Part[] = []
      let more: Part[]
      do {
        more = await session.read((db) => partRows(db, id, parts.at(-1)?.start ?? -1, atOnce))
        parts.push(...more)
      } while (more.length === atOnce)
      return parts
    },

    intendPart: (did, { key, backend, cid, size, more, quota, lease }) =>
      session.write(function* (trx) {
        const account = yield* lockLivingAccount(trx, did)
        assertQuota(did, { ...account, reserved: account.reserved + more }, quota)
        yield* assertNotPurged(trx, did, cid)
        // Its size is what distinguishes it from a copy that the store makes: see `countUploads`.
        yield* announce(trx, { key, backend, did: null, cid, reserved: size, lease })
      }),

    addPart: (did, id, part) => session.write((trx) => addPart(trx, did, id, part)),

    lastPartOf: (id) =>
      session.read(function* (db) {
        const row = yield* firstRow(
          db
            .selectFrom('blobstore_part')
            .select(['start', 'size', 'key', 'backend'])
            .where('upload', '=', id)
            .orderBy('start', 'desc')
            .limit(1),
        )
        return row ? { ...row, start: Number(row.start), size: Number(row.size) } : null
      }),

    dropKey: (did, { id, start, key, size }, unusedDelay) =>
      session.write(function* (trx) {
        yield* lockAccount(trx, did)
        // It may have been added after all, if the response was lost.
        const added = yield* firstRow(
          trx.selectFrom('blobstore_part').select('key').where('upload', '=', id).where('start', '=', start),
        )
        if (added?.key !== key) yield* dropKey(trx, { did, size }, key, unusedDelay)
      }),

    claimResumable: (did, id, reservation, claim) =>
      session.write(function* (trx) {
        yield* lockLivingAccount(trx, did)
        const row = yield* openRow(session, trx, did, id)
        const state = toState(row)
        if (state.finished) return state
        if (state.size !== null && state.size !== state.received) throw incomplete(did, state)
        // Of a process that stood still the reservation may be left.
        const free = yield* freeReservation(trx, did, row.reservation ?? row.claimed_by)
        // Space that it had is not refused, even if the quota has become smaller.
        const quota = free || row.state === 'finishing' ? unlimitedQuota : reservation.quota
        yield* reserveSpace(trx, announce, did, state.received, { ...reservation, quota })
        const claimed = { busy_until: session.now(claim), claimed_by: reservation.generation, reservation: null }
        const busy = { state: 'finishing', ...claimed } as const
        yield* execute(trx.updateTable('blobstore_resumable').set(busy).where('id', '=', id))
        return state
      }),

    renewClaim: (did, id, generation, claim) =>
      session.write(function* (trx) {
        yield* execute(
          trx
            .updateTable('blobstore_resumable')
            .set({ busy_until: session.now(claim) })
            .where('id', '=', id)
            .where('did', '=', did)
            .where('claimed_by', '=', generation),
        )
      }),

    finishResumable: (did, id, generation, { cid, mimeType, size }) =>
      session.write(function* (trx) {
        yield* lockAccount(trx, did)
        yield* execute(
          trx
            .updateTable('blobstore_resumable')
            .set({ state: 'finished', cid, mime_type: mimeType, size, busy_until: session.now(), claimed_by: null })
            .where('id', '=', id)
            .where('did', '=', did)
            .where('state', '=', 'finishing')
            .where('claimed_by', '=', generation),
        )
        yield* endFinished(session, trx, did, id)
      }),

    reopenResumable: (did, id, generation, reservation) =>
      session.write(function* (trx) {
        yield* lockLivingAccount(trx, did)
        const row = yield* livingRow(session, trx, did, id)
        if (row?.state === 'finishing' && row.claimed_by === generation) {
          yield* reopen(session, trx, did, row, reservation)
        }
      }),

    endResumable: (did, id, generation) =>
      session.write(function* (trx) {
        yield* lockAccount(trx, did)
        const row = yield* livingRow(session, trx, did, id)
        if (!row || row.state === 'finished') return
        if (generation !== undefined && row.claimed_by !== generation) return
        yield* freeReservation(trx, did, row.reservation ?? row.claimed_by)
        const ended = { state: 'ended', reservation: null, busy_until: null, claimed_by: null } as const
        const changed = trx.updateTable('blobstore_resumable').set({ ...ended, expires_at: session.now() })
        yield* execute(changed.where('id', '=', id))
      }),

    forgetParts: (did, id, limit) =>
      session.write(function* (trx) {
        yield* lockAccount(trx, did)
        const over = yield* firstRow(
          trx
            .selectFrom('blobstore_resumable')
            .select('id')
            .where('id', '=', id)
            .where('did', '=', did)
            .where('state', 'in', ['finished', 'ended']),
        )
        return over ? yield* forgetParts(session, trx, { did, id }, limit) : []
      }),

    expiredResumables: (limit) => findExpired(session, limit),

    forgetResumable: (did, id, limit) => session.write((trx) => forgetExpired(session, trx, { did, id }, limit)),
  }
}

function otherSize(did: string, given: number, { size, received }: ResumableState): BlobStoreError {
  const has = size === null ? `${received} have arrived already` : `${size} were announced before`
  return new BlobStoreError('InvalidSize', `The upload cannot have ${given} bytes: ${has}`, { did })
}

function incomplete(did: string, { size, received }: ResumableState): BlobStoreError {
  return new BlobStoreError(
    'InvalidSize',
    `${size} bytes were announced, but ${received} have arrived; send the rest first`,
    { did },
  )
}
