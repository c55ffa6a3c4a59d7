import { expressionBuilder } from 'kysely'
import { mirrorName } from '../contract/mirror.ts'
import type { Content, ScrubSteps } from '../contract/scrub.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { changedRows, execute, firstRow, rowsOf } from '../step.ts'
import { announceUpload } from './announce-upload.ts'
import { countDoomed, doom } from './doomed-rows.ts'
import { hasSomething } from './list-queries.ts'
import { countQuarantined } from './quarantine-rows.ts'
import { recount } from './recount.ts'
import { addUp } from './sums.ts'
import { endUpload, takeCopy } from './upload-steps.ts'

export function scrubSteps(session: Session): ScrubSteps {
  const announce = announceUpload(session)
  return {
    contents: ({ after, limit, olderThan }) =>
      session.read(function* (db) {
        const all = db
          .selectFrom('blobstore_content')
          .select(['cid', 'key', 'backend', 'size'])
          .where('cid', '>', after)
          .orderBy('cid')
          .limit(limit)
        const wanted =
          olderThan === undefined
            ? all
            : all.where((eb) =>
                eb.or([
                  eb('verified_at', 'is', null),
                  eb('verified_at', '<=', session.now(-olderThan)),
                  eb('verified_at', '>', session.now()), // by a clock that ran ahead
                ]),
              )
        const rows = yield* rowsOf(wanted)
        return rows.map((row) => ({ ...row, size: Number(row.size) }))
      }),

    contentOf: (cid) =>
      session.read(function* (db) {
        const row = yield* firstRow(
          db.selectFrom('blobstore_content').select(['cid', 'key', 'backend', 'size']).where('cid', '=', cid),
        )
        return row ? { ...row, size: Number(row.size) } : null
      }),

    markVerified: (cid, key) =>
      session.write(function* (trx) {
        const values = { verified_at: session.now() }
        yield* execute(trx.updateTable('blobstore_content').set(values).where('cid', '=', cid).where('key', '=', key))
      }),

    markDamaged: (cid, key) =>
      session.write(function* (trx) {
        const changed = yield* changedRows(
          trx.updateTable('blobstore_content').set({ verified_at: null }).where('cid', '=', cid).where('key', '=', key),
        )
        return changed === 1
      }),

    intendCopy: ({ key, backend, cid, lease }) =>
      session.write((trx) => announce(trx, { key, backend, did: null, cid, reserved: 0, lease })),

    replaceContent: ({ old, key, backend, deleteDelay }) =>
      session.write(function* (trx) {
        const own = yield* takeCopy(trx, key)
        if (!own) return false
        const changed = yield* changedRows(
          trx
            .updateTable('blobstore_content')
            .set({ key, backend, verified_at: session.now() })
            .where('cid', '=', old.cid)
            .where('key', '=', old.key),
        )
        if (changed === 1) yield* doom(session, trx, [{ ...tombstone(old), did: null }], deleteDelay)
        else yield* endUpload(session, trx, own, deleteDelay)
        return changed === 1
      }),

    doomedCopies: (cid) =>
      session.read((db) =>
        rowsOf(
          db
            .selectFrom('blobstore_doomed')
            .select(['key', 'backend'])
            // All keys of a CID begin with it and a dot, which a slash follows in the order of bytes.
            .where('key', '>', `${cid}.`)
            .where('key', '<', `${cid}/`)
            .where('backend', 'is not', null)
            .where('backend', '<>', mirrorName)
            .$narrowType<{ backend: string }>()
            .limit(1000),
        ),
      ),

    endCopy: ({ key, unusedDelay }) =>
      session.write(function* (trx) {
        const own = yield* takeCopy(trx, key)
        if (own) yield* endUpload(session, trx, own, unusedDelay)
      }),

    accounts: ({ after, limit }) =>
      session.read(function* (db) {
        const rows = yield* rowsOf(
          db.selectFrom('blobstore_account').select('did').where('did', '>', after).orderBy('did').limit(limit),
        )
        return rows.map((row) => row.did)
      }),

    recount: (did) => recount(session, did),

    stats: async () => {
      const accounts = await addUp(session, {
        table: 'blobstore_account',
        along: 'did',
        columns: ['bytes', 'count', 'reserved', 'pending'],
        where: hasSomething(expressionBuilder<Tables, 'blobstore_account'>()),
      })
      const stored = await addUp(session, { table: 'blobstore_content', along: 'cid', columns: ['size'] })
      return {
        ...{ accounts: accounts.rows, bytes: accounts.bytes, count: accounts.count },
        ...{ reserved: accounts.reserved, pending: accounts.pending },
        ...{ storedBytes: stored.size, storedCount: stored.rows },
        doomedCount: await countDoomed(session),
        quarantinedCount: await session.read(countQuarantined),
      }
    },
  }
}

const tombstone = ({ key, backend, size }: Content) => ({ key, backend, size })
