import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Ahead, CollectSteps } from '../contract/collection.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { changedRows, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { assertNotRestored } from './identity-rows.ts'
import { expiry } from './kept-blobs.ts'
import { readNotes } from './meta-notes.ts'

// Rows are searched from the ends of indexes, in small pages, and updated by key only if their time is still too late.
// Usually there are none, and no other transaction waits.

export function bringBackSteps(session: Session): Pick<CollectSteps, 'bringBack'> {
  return {
    bringBack: async (ahead) => {
      const { most } = await session.read(function* (db) {
        yield* assertNotRestored(db)
        return yield* readNotes(db)
      })
      const { grace, deleteDelay, lease } = most
      // A process of another version may have dropped these times. Then nothing is shortened until they are known
      // again.
      if (grace === undefined || deleteDelay === undefined || lease === undefined) return 0
      const tombstones = await bringBackTombstones(Math.max(deleteDelay, ahead.retry), ahead)
      const blobs = await bringBackBlobs(Math.max(grace, ahead.retry), ahead)
      const uploads = await bringBackUploads(lease, ahead)
      return tombstones + blobs + uploads + (await bringBackResumables(ahead))
    },
  }

  async function bringBackTombstones(delay: number, { limit }: Ahead): Promise<number> {
    const rows = await session.read((db) =>
      rowsOf(
        db
          .selectFrom('blobstore_doomed')
          .select('key')
          .where('not_before', '>', session.now(delay))
          .orderBy('not_before')
          .limit(limit),
      ),
    )
    if (rows.length === 0) return 0
    const keys = rows.map(({ key }) => key)
    return session.write(function* (trx) {
      const changed = yield* changedRows(
        trx
          .updateTable('blobstore_doomed')
          .set({ not_before: session.now(delay) })
          .where('key', 'in', keys)
          .where('not_before', '>', session.now(delay)),
      )
      return changed
    })
  }

  async function bringBackBlobs(delay: number, { limit }: Ahead): Promise<number> {
    const rows = await session.read((db) =>
      rowsOf(
        db
          .selectFrom('blobstore_blob')
          .select(['did', 'cid'])
          .where('expires_at', 'is not', null)
          .where('expires_at', '>', session.now(delay))
          .orderBy('expires_at')
          .limit(limit),
      ),
    )
    let changed = 0
    for (const [did, blobs] of Map.groupBy(rows, (row) => row.did)) {
      const cids = blobs.map(({ cid }) => cid)
      changed += await session.write((trx) => expireLater(trx, did, cids, delay))
    }
    return changed
  }

  function* expireLater(trx: Kysely<Tables>, did: string, cids: readonly string[], delay: number): Step<number> {
    yield* lockAccount(trx, did)
    const changed = yield* changedRows(
      trx
        .updateTable('blobstore_blob')
        .set({ expires_at: session.now(delay) })
        .where('did', '=', did)
        .where('cid', 'in', cids)
        .where(expiry, '>', session.now(delay)),
    )
    return changed
  }

  /** None may last longer than `Ahead.allowance.most`, see `BlobStoreTimes.resumable`. */
  async function bringBackResumables({ limit, allowance }: Ahead): Promise<number> {
    const latest = session.now(allowance.most)
    const rows = await session.read((db) =>
      rowsOf(
        db
          .selectFrom('blobstore_resumable')
          .select('id')
          .where('expires_at', '>', latest)
          .orderBy('expires_at')
          .limit(limit),
      ),
    )
    if (rows.length === 0) return 0
    const ids = rows.map(({ id }) => id)
    return session.write(function* (trx) {
      return yield* changedRows(
        trx
          .updateTable('blobstore_resumable')
          .set({ expires_at: session.now(allowance.most) })
          .where('id', 'in', ids)
          .where('expires_at', '>', session.now(allowance.most)),
      )
    })
  }

  /**
   * The reserved bytes are the most that an upload may still send. So they limit how long it may still last. Not so for
   * an upload in several requests: what has arrived of it, and its space, must last as long as it may. A part is found by
   * having no account; a copy has none either, and may last as long.
   */
  async function bringBackUploads(lease: number, { limit, allowance }: Ahead): Promise<number> {
    const latest = lease + allowance.most
    const rows = await session.read((db) =>
      rowsOf(
        db.selectFrom('blobstore_upload').select('key').where('lease_until', '>', session.now(latest)).limit(limit),
      ),
    )
    if (rows.length === 0) return 0
    const keys = rows.map(({ key }) => key)
    const until: RawBuilder<number> = sql`${session.now(lease)} + case
      when did is null or ${isReservation} then ${whole(allowance.most)}
      when reserved >= ${whole((allowance.most / 1000) * allowance.rate)} then ${whole(allowance.most)}
      else reserved * 1000 / ${whole(allowance.rate)} + 1 end`
    return session.write(function* (trx) {
      const changed = yield* changedRows(
        trx
          .updateTable('blobstore_upload')
          .set({ lease_until: until })
          .where('key', 'in', keys)
          .where('lease_until', '>', session.now(latest)),
      )
      return changed
    })
  }
}

/** Found by the account, which has few unfinished ones. */
const isReservation: RawBuilder<boolean> = sql`exists (
  select 1 from blobstore_resumable as r
  where r.did = blobstore_upload.did and r.state = 'open' and r.reservation = blobstore_upload.key)`

const whole = (value: number): RawBuilder<number> => sql`cast(${Math.floor(value)} as bigint)`
