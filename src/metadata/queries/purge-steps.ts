import { setTimeout as sleep } from 'node:timers/promises'
import { type Kysely, sql } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import type { PurgeSteps } from '../contract/purges.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, onlyRow, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { assertNotRestored } from './identity-rows.ts'
import { decodeCursor, encodeCursor, notACursor, pageOf } from './list-referenced.ts'
import { isHeldYet, isPurged, isShared, keysOf, toRecord } from './purge-rows.ts'
import { releasePurged } from './release-purged.ts'
import { everyAccount } from './takedown-rows.ts'

export function purgeSteps(session: Session): PurgeSteps {
  return {
    beginPurge: ({ id, did, cid, reason, by }) =>
      session.write(function* (trx) {
        // For one account: a commit of its upload either has happened before, or sees the takedown. For all: see
        // `awaitUploads`.
        if (did !== everyAccount) yield* lockAccount(trx, did)
        yield* execute(
          trx
            .insertInto('blobstore_takedown')
            .values({ did, cid, ref: null, requested_by: by, created_at: session.now(), purged: 1 })
            .onConflict((conflict) => conflict.columns(['cid', 'did']).doUpdateSet({ purged: 1, quarantined: 0 })),
        )
        if (did !== everyAccount) yield* endUploadsOf(trx, did, cid)
        const meta = yield* firstRow(trx.selectFrom('blobstore_meta').select('backed_up_at'))
        yield* execute(
          trx.insertInto('blobstore_purge_record').values({
            ...{ id, did, cid, reason, requested_by: by, purged_at: session.now() },
            ...{ unfinished: 1, key_count: 0, gone_at: null, shared: 0, backed_up_at: meta?.backed_up_at ?? null },
          }),
        )
      }),

    awaitUploads: async (did, cid) => {
      await session.read(assertNotRestored)
      if (session.dialect.name !== 'postgres') return countUploads(did, cid)
      await awaitCommits(cid)
      // A purge of one account has the account's lock instead.
      const running = did === everyAccount ? await awaitEntries() : 0
      return running + (await countUploads(did, cid))
    },

    purgedHolders: (did, cid, { after, limit }) =>
      session.read(function* (db) {
        if (!(yield* isPurged(db, did, cid))) return []
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_blob')
            .select('did')
            .where('cid', '=', cid)
            .where('did', '>', after)
            .$if(did !== everyAccount, (query) => query.where('did', '=', did))
            .orderBy('did')
            .limit(limit),
        )
        return rows.map((row) => row.did)
      }),

    releasePurged: (did, cid, { limit }) => session.write((trx) => releasePurged(session, trx, { did, cid, limit })),

    purgedKeys: (did, cid, { after, limit }) =>
      session.read(function* (db) {
        yield* assertNotRestored(db)
        if (yield* isShared(db, did, cid)) return []
        const { from, to } = keysOf(cid)
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_doomed')
            .select(['key', 'backend', 'did', 'size'])
            .select((eb) => eb('not_before', '<=', session.now()).as('due'))
            .where('key', '>', after === '' ? from : after)
            .where('key', '<', to)
            .where('backend', 'is not', null)
            .orderBy('key')
            .limit(limit),
        )
        return rows.map((row) => ({ ...row, size: Number(row.size), due: Boolean(row.due) }))
      }),

    endPurge: (did, cid, { keys, complete }) =>
      session.write(function* (trx) {
        const unfinished = trx
          .updateTable('blobstore_purge_record')
          .where('cid', '=', cid)
          .where('did', '=', did)
          .where('unfinished', '=', 1)
        // A later attempt finds fewer keys, because the tombstones of deleted keys are removed. The update runs even if
        // it changes nothing, so that the transaction begins with a write.
        yield* execute(unfinished.set({ key_count: keys }).where('key_count', '<', keys))
        if (!complete || (yield* isHeldYet(trx, did, cid))) return
        const isLeft = yield* isShared(trx, did, cid)
        const goneAt = isLeft ? null : session.now()
        yield* execute(unfinished.set({ unfinished: 0, shared: isLeft ? 1 : 0, gone_at: goneAt }))
      }),

    purgeRecord: (id) =>
      session.read(function* (db) {
        const row = yield* firstRow(db.selectFrom('blobstore_purge_record').selectAll().where('id', '=', id))
        return row ? toRecord(row) : null
      }),

    openPurges: ({ after, limit }) =>
      session.read((db) =>
        rowsOf(
          db
            .selectFrom('blobstore_purge_record')
            .select(['id', 'did', 'cid'])
            .where('unfinished', '=', 1)
            .where('id', '>', after)
            .orderBy('id')
            .limit(limit),
        ),
      ),

    recentPurges: ({ within, after, limit }) =>
      session.read(function* (db) {
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_purge_record')
            .select(['id', 'did', 'cid', 'purged_at as purgedAt'])
            .where('purged_at', '>', session.now(-within))
            .$if(after !== null, (query) =>
              query.where(({ eb, refTuple, tuple }) =>
                eb(refTuple('purged_at', 'id'), '<', tuple(after?.purgedAt ?? 0, after?.id ?? '')),
              ),
            )
            .orderBy('purged_at', 'desc')
            .orderBy('id', 'desc')
            .limit(limit),
        )
        return rows.map((row) => ({ ...row, purgedAt: Number(row.purgedAt) }))
      }),

    listPurges: ({ limit, cursor, trx }) =>
      session.read(function* (db) {
        const after = decodeCursor('purges', cursor)
        const purgedAt = Number(after?.[0])
        if (after && (after[0] === '' || !Number.isSafeInteger(purgedAt))) throw notACursor()
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_purge_record')
            .selectAll()
            .$if(after !== null, (query) =>
              query.where(({ eb, refTuple, tuple }) =>
                eb(refTuple('purged_at', 'id'), '<', tuple(purgedAt, after?.[1] ?? '')),
              ),
            )
            .orderBy('purged_at', 'desc')
            .orderBy('id', 'desc')
            .limit(limit + 1),
        )
        const { items, ...rest } = pageOf(rows, limit, (row) => encodeCursor('purges', String(row.purged_at), row.id))
        return { items: items.map(toRecord), ...rest }
      }, trx),
  }

  /**
   * A commit deletes its upload's row before it looks for takedowns. So a commit that has not seen this takedown is over, or
   * holds the lock of a row, and this waits for it. The next step finds what it has committed.
   */
  async function awaitCommits(cid: BlobCid): Promise<void> {
    const { from, to } = keysOf(cid)
    const size = 1000
    let last: string | undefined = from
    while (last !== undefined) {
      const after: string = last
      const keys = await session.write(function* (trx) {
        const rows = yield* rowsOf(
          trx
            .selectFrom('blobstore_upload')
            .select('key')
            .where('key', '>', after)
            .where('key', '<', to)
            .orderBy('key')
            .limit(size)
            .forUpdate(),
        )
        return rows.map((row) => row.key)
      })
      last = keys.length === size ? keys.at(-1) : undefined
    }
  }

  /**
   * The same for commits of small uploads, which lock their process's entry first. Locks nothing, or commits that begin now
   * would wait too; and where they do not, as PostgreSQL lets them pass, it would wait for ever. Resolves with how many
   * still run when its patience is over: their connection may hang.
   */
  async function awaitEntries(): Promise<number> {
    const found = await session.read((db) => rowsOf(holdersOfEntries.compile(db)))
    let running = new Set(found.map((row) => row.holder))
    const until = performance.now() + patience
    while (running.size > 0 && performance.now() < until) {
      await sleep(20)
      const now = await session.read((db) => rowsOf(holdersOfEntries.compile(db)))
      running = new Set(now.map((row) => row.holder).filter((holder) => running.has(holder)))
    }
    return running.size
  }

  /** The account's resumable uploads that have such bytes: a collection forgets them with their parts. */
  function* endUploadsOf(trx: Kysely<Tables>, did: string, cid: BlobCid): Step<void> {
    yield* execute(
      trx
        .updateTable('blobstore_resumable')
        .set({ state: 'ended', expires_at: session.now(), busy_until: null })
        .where('did', '=', did)
        .where('state', '=', 'open')
        .where('id', 'in', partsOf(trx, did, cid).select('part.upload')),
    )
  }

  async function countUploads(did: string, cid: BlobCid): Promise<number> {
    const { from, to } = keysOf(cid)
    return session.read(function* (db) {
      const row = yield* onlyRow(
        db
          .selectFrom('blobstore_upload')
          .select(({ fn }) => fn.countAll().as('uploads'))
          .where('key', '>', from)
          .where('key', '<', to)
          // A copy that the store makes, in the mirror or another backend, is of no account, and reserves nothing. A part
          // has no account either, but a size; only those of this account count, or others could keep its purge open.
          .$if(did !== everyAccount, (query) =>
            query.where((eb) =>
              eb.or([
                eb('did', '=', did),
                eb.and([
                  eb('did', 'is', null),
                  eb.or([eb('reserved', '=', 0), eb('key', 'in', partsOf(db, did, cid).select('part.key'))]),
                ]),
              ]),
            ),
          ),
      )
      return Number(row.uploads)
    })
  }
}

/** How long a purge waits for commits, in milliseconds. Then it is unfinished, and the next collection goes on. */
const patience = 10_000

/** Transactions that have locked a row of the table, on this connection's database. */
const holdersOfEntries = sql<{ holder: string }>`select virtualtransaction as holder from pg_locks
  where relation = 'blobstore_process'::regclass and mode = 'RowShareLock' and granted
    and database = (select oid from pg_database where datname = current_database())`

/** The account's parts that have the bytes of the CID: found by the account's uploads, of which there are few. */
function partsOf(db: Kysely<Tables>, did: string, cid: BlobCid) {
  const { from, to } = keysOf(cid)
  return db
    .selectFrom('blobstore_resumable as upload')
    .innerJoin('blobstore_part as part', 'part.upload', 'upload.id')
    .where('upload.did', '=', did)
    .where('part.key', '>', from)
    .where('part.key', '<', to)
}
