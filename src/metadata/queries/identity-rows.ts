import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { StoreIdentity } from '../contract/identity.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, onlyRow, type Step } from '../step.ts'
import { readNotes, writeNotes } from './meta-notes.ts'

export function identityRows(session: Session): StoreIdentity {
  return {
    identity: () =>
      session.write(function* (trx) {
        yield* execute(
          trx
            .insertInto('blobstore_meta')
            .values({ one: 1, id: randomUUID(), epoch: 0, restored: 0 })
            .onConflict((conflict) => conflict.column('one').doNothing()),
        )
        const row = yield* onlyRow(
          trx.selectFrom('blobstore_meta').select(['id', 'epoch', 'restored', session.now().as('now')]),
        )
        const { id, epoch, restored, now } = row
        return {
          id,
          epoch: Number(epoch),
          restored: Boolean(restored),
          place: session.place,
          durable: session.durable,
          now: Number(now),
        }
      }),

    nextEpoch: (epoch) =>
      session.write(function* (trx) {
        yield* execute(
          trx
            .updateTable('blobstore_meta')
            .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
            .where('epoch', '=', epoch)
            .where('restored', '=', 0),
        )
        const row = yield* onlyRow(trx.selectFrom('blobstore_meta').select('epoch'))
        return Number(row.epoch)
      }),

    markRestored: () =>
      session.write(function* (trx) {
        yield* execute(trx.updateTable('blobstore_meta').set({ restored: 1 }))
      }),

    hasContent: (backend) =>
      session.read(function* (db) {
        const row = yield* firstRow(
          db.selectFrom('blobstore_content').select('cid').where('backend', '=', backend).limit(1),
        )
        return row !== undefined
      }),

    sameSince: (backend, found) =>
      session.write(function* (trx) {
        const now = yield* beginAt(trx)
        const before = yield* readNotes(trx)
        const doubt = before.doubts[backend]
        // A time in the future comes from a clock that ran ahead.
        if (doubt?.found === found && doubt.since <= now) return doubt.since
        yield* writeNotes(trx, before, { ...before, doubts: { ...before.doubts, [backend]: { found, since: now } } })
        return now
      }),

    noteBackup: () =>
      session.write(function* (trx) {
        const row = yield* onlyRow(
          trx.selectFrom('blobstore_meta').select(['backed_up_at as before', session.now().as('now')]),
        )
        yield* execute(trx.updateTable('blobstore_meta').set({ backed_up_at: session.now() }))
        return row.before === null ? null : Number(row.now) - Number(row.before)
      }),

    condition: () =>
      session.read(function* (db) {
        const row = yield* firstRow(db.selectFrom('blobstore_meta').select(['restored', 'backed_up_at']))
        const backedUpAt = row?.backed_up_at ?? null
        return { restored: Boolean(row?.restored), backedUpAt: backedUpAt === null ? null : Number(backedUpAt) }
      }),
  }

  /** Locks the row, and resolves with the database's time. */
  function* beginAt(trx: Kysely<Tables>): Step<number> {
    const row = yield* onlyRow(
      trx
        .updateTable('blobstore_meta')
        .set((eb) => ({ epoch: eb.ref('epoch') }))
        .returning(session.now().as('now')),
    )
    return Number(row.now)
  }
}

/**
 * Refuses to delete anything because of a database that has forgotten uploads.
 *
 * @throws `StoreRestored`
 */
export function* assertNotRestored(db: Kysely<Tables>): Step<void> {
  const row = yield* firstRow(db.selectFrom('blobstore_meta').select('restored'))
  if (!row?.restored) return
  throw new BlobStoreError(
    'StoreRestored',
    'The database is older than the bytes in the backend, as after restoring a backup: collecting and sweeping would ' +
      'delete uploads that it has forgotten, and are refused until the store is recovered',
  )
}
