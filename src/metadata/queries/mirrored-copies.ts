import type { Kysely } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import { type MirrorSteps, mirrorName } from '../contract/mirror.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, rowsOf, type Step } from '../step.ts'
import { assertNotPurged } from './announce-upload.ts'
import { doom } from './doomed-rows.ts'
import {
  begin,
  copiesAfter,
  isMirror,
  lockContent,
  settle,
  toCopy,
  tombstone,
  wait,
  waitNoLonger,
} from './mirrored-rows.ts'
import { endUpload, takeCopy } from './upload-steps.ts'

type Trx = Kysely<Tables>

export type CopySteps = Pick<
  MirrorSteps,
  | 'intendMirrored'
  | 'keepMirrored'
  | 'isMirrored'
  | 'mirroredCopies'
  | 'forgetDamaged'
  | 'doubtMirrored'
  | 'markMirrored'
  | 'copies'
>

/** How one object gets its copy, and loses it. */
export function mirroredCopies(session: Session): CopySteps {
  return {
    intendMirrored: ({ key, cid, lease }) =>
      session.write(function* (trx) {
        yield* execute(
          trx
            .insertInto('blobstore_upload')
            .values({ key, backend: mirrorName, did: null, cid, reserved: 0, lease_until: session.now(lease) }),
        )
        yield* assertNotPurged(trx, null, cid)
      }),

    keepMirrored: ({ mirror, key, cid, size, unusedDelay }) =>
      session.write(function* (trx) {
        // First the upload's row, as a commit does: so a purge waits for this transaction.
        const own = yield* takeCopy(trx, key)
        if (!own) return false
        const isCurrent = yield* isMirror(session, trx, mirror)
        const isLive = yield* lockContent(session, trx, cid)
        if (!isCurrent || !isLive || (yield* settle(trx, cid))) {
          yield* endUpload(session, trx, own, unusedDelay)
          return false
        }
        const values = { cid, key, size, verified_at: session.now(), unneeded_since: null }
        yield* execute(trx.insertInto('blobstore_mirrored').values(values))
        yield* waitNoLonger(trx, cid)
        return true
      }),

    isMirrored: async (cid) => {
      if (!(await session.read((db) => hasVerified(db, cid)))) return false // most have none: no transaction
      return session.write(function* (trx) {
        yield* begin(session, trx)
        yield* lockContent(session, trx, cid)
        return yield* settle(trx, cid)
      })
    },

    mirroredCopies: (cid, { trx }) =>
      session.read(function* (db) {
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_mirrored')
            .select(['cid', 'key', 'size'])
            .where('cid', '=', cid)
            .orderBy((eb) => eb.case().when('verified_at', 'is', null).then(1).else(0).end())
            .limit(10),
        )
        return rows.map(toCopy)
      }, trx),

    forgetDamaged: ({ cid, key }) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        yield* lockContent(session, trx, cid)
        const gone = yield* firstRow(
          trx.deleteFrom('blobstore_mirrored').where('cid', '=', cid).where('key', '=', key).returning(['key', 'size']),
        )
        if (!gone) return
        yield* doom(session, trx, [tombstone(gone)], 0)
        if (!(yield* hasVerified(trx, cid))) yield* wait(session, trx, [cid])
      }),

    doubtMirrored: ({ cid, key }) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        yield* lockContent(session, trx, cid)
        const unsure = { verified_at: null }
        yield* execute(trx.updateTable('blobstore_mirrored').set(unsure).where('cid', '=', cid).where('key', '=', key))
        if (!(yield* hasVerified(trx, cid))) yield* wait(session, trx, [cid])
      }),

    markMirrored: ({ cid, key }) =>
      session.write(function* (trx) {
        const good = { verified_at: session.now() }
        yield* execute(trx.updateTable('blobstore_mirrored').set(good).where('cid', '=', cid).where('key', '=', key))
      }),

    copies: ({ after, limit, olderThan }) =>
      session.read(function* (db) {
        const rows = yield* rowsOf(
          copiesAfter(db, after)
            .$if(olderThan !== undefined, (query) =>
              query.where((eb) =>
                eb.or([
                  eb('verified_at', 'is', null),
                  eb('verified_at', '<=', session.now(-(olderThan ?? 0))),
                  eb('verified_at', '>', session.now()), // by a clock that ran ahead
                ]),
              ),
            )
            .limit(limit),
        )
        return rows.map(toCopy)
      }),
  }
}

function* hasVerified(trx: Trx, cid: BlobCid): Step<boolean> {
  const copies = trx.selectFrom('blobstore_mirrored').select('key').where('cid', '=', cid)
  return (yield* firstRow(copies.where('verified_at', 'is not', null).limit(1))) !== undefined
}
