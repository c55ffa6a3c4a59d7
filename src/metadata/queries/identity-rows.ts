import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { StoreIdentity } from '../contract/identity.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { readNotes, writeNotes } from './meta-notes.ts'

export function identityRows(session: Session): StoreIdentity {
  return {
    identity: () =>
      session.write(async (trx) => {
        await trx
          .insertInto('blobstore_meta')
          .values({ one: 1, id: randomUUID(), epoch: 0, restored: 0 })
          .onConflict((conflict) => conflict.column('one').doNothing())
          .execute()
        const row = await trx
          .selectFrom('blobstore_meta')
          .select(['id', 'epoch', 'restored', session.now().as('now')])
          .executeTakeFirstOrThrow()
        const { id, epoch, restored, now } = row
        return {
          id,
          epoch: Number(epoch),
          restored: Boolean(restored),
          place: session.place,
          now: Number(now),
        }
      }),

    nextEpoch: () =>
      session.write(async (trx) => {
        const row = await trx
          .updateTable('blobstore_meta')
          .set((eb) => ({ epoch: eb('epoch', '+', 1) }))
          .returning('epoch')
          .executeTakeFirstOrThrow()
        return Number(row.epoch)
      }),

    markRestored: () =>
      session.write(async (trx) => {
        await trx.updateTable('blobstore_meta').set({ restored: 1 }).execute()
      }),

    hasContent: (backend) =>
      session.read(async (db) => {
        const row = await db
          .selectFrom('blobstore_content')
          .select('cid')
          .where('backend', '=', backend)
          .limit(1)
          .executeTakeFirst()
        return row !== undefined
      }),

    sameSince: (backend, found) =>
      session.write(async (trx) => {
        const now = await beginAt(trx)
        const before = await readNotes(trx)
        const doubt = before.doubts[backend]
        // One of the future is of a clock that ran ahead.
        if (doubt?.found === found && doubt.since <= now) return doubt.since
        await writeNotes(trx, before, { ...before, doubts: { ...before.doubts, [backend]: { found, since: now } } })
        return now
      }),

    noteBackup: () =>
      session.write(async (trx) => {
        const row = await trx
          .selectFrom('blobstore_meta')
          .select(['backed_up_at as before', session.now().as('now')])
          .executeTakeFirstOrThrow()
        await trx.updateTable('blobstore_meta').set({ backed_up_at: session.now() }).execute()
        return row.before === null ? null : Number(row.now) - Number(row.before)
      }),
  }

  /** Locks the row, and tells the time. */
  async function beginAt(trx: Kysely<Tables>): Promise<number> {
    const row = await trx
      .updateTable('blobstore_meta')
      .set((eb) => ({ epoch: eb.ref('epoch') }))
      .returning(session.now().as('now'))
      .executeTakeFirstOrThrow()
    return Number(row.now)
  }
}

/** Deletes nothing on the word of a database that has forgotten uploads. */
export async function assertNotRestored(db: Kysely<Tables>): Promise<void> {
  const row = await db.selectFrom('blobstore_meta').select('restored').executeTakeFirst()
  if (!row?.restored) return
  throw new BlobStoreError(
    'StoreRestored',
    'The database is older than the bytes in the backend, as after restoring a backup: collecting and sweeping would ' +
      'delete uploads that it has forgotten, and are refused until the store is recovered',
  )
}
