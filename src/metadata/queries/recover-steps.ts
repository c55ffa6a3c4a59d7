import type { Kysely } from 'kysely'
import type { RecoverSteps } from '../contract/recovery.ts'
import type { Content } from '../contract/scrub.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { LostRace } from '../sql-errors.ts'
import { changedRows, execute, firstRow, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { doom } from './doomed-rows.ts'
import { expectedType, meetExpectations } from './expected-rows.ts'
import { quarantine } from './quarantine-rows.ts'
import { liveAmong, unknownAmong } from './sweep-steps.ts'
import { sinceNow } from './unmirrored-since.ts'
import { chunks } from './walks.ts'

type Trx = Kysely<Tables>

export function recoverSteps(session: Session): RecoverSteps {
  const insertQuarantine = quarantine(session)
  return {
    recoverableKeys: (keys) =>
      session.read(function* (db) {
        const found = { unknown: [] as string[], live: [] as string[], doomed: [] as string[] }
        for (const some of chunks(keys)) {
          // Also those of open entries: in a restored database that of the process before the loss may be among them.
          found.unknown.push(...(yield* unknownAmong(db, some)))
          const live = yield* rowsOf(liveAmong(db, some))
          found.live.push(...live.map((row) => row.key))
          const doomed = yield* rowsOf(db.selectFrom('blobstore_doomed').select('key').where('key', 'in', some))
          found.doomed.push(...doomed.map((row) => row.key))
        }
        return found
      }),

    adopt: ({ content, did, mimeType, grace, deleteDelay, quarantine: reason }) =>
      session.write(function* (trx) {
        const { cid, size } = content
        const { deletedAt } = yield* lockAccount(trx, did)
        if (deletedAt !== null) return 'refused'
        yield* lockCopy(trx, content.key)
        if (yield* isTakenDownForAnybody(trx, cid)) return 'taken down'
        const was = yield* makeLive(trx, content, deleteDelay)
        if (was === null) return 'refused'
        const held = yield* firstRow(
          trx.selectFrom('blobstore_blob').select('mime_type').where('did', '=', did).where('cid', '=', cid),
        )
        if (held && was === 'live') return 'held'
        const type = held?.mime_type ?? (yield* expectedType(trx, { did, cid })) ?? mimeType
        if (!held) {
          const times = { created_at: session.now(), expires_at: session.now(grace) }
          const row = { did, cid, mime_type: type, size, was_referenced: 0, ...times }
          yield* execute(trx.insertInto('blobstore_blob').values(row))
          yield* lockAccount(trx, did, { bytes: size, count: 1, temporary: 1 })
          if (reason !== undefined) yield* insertQuarantine(trx, { did, cid, ref: reason, by: 'inspect' })
        }
        yield* meetExpectations(trx, { did, cid, mimeType: type, size })
        return 'adopted'
      }),

    clearRestored: (epoch) =>
      session.write(function* (trx) {
        yield* execute(trx.updateTable('blobstore_meta').set({ restored: 0, epoch }))
      }),
  }

  /**
   * Locks the copy's row, as a commit does before it looks for takedowns: a purge that begins now waits for this
   * transaction.
   */
  function* lockCopy(trx: Trx, key: string): Step<void> {
    if (session.dialect.name !== 'postgres') return
    yield* execute(trx.selectFrom('blobstore_upload').select('key').where('key', '=', key).forUpdate())
  }

  /**
   * Whether the bytes were live under this key, or became live now. Null if they cannot become live, because the key
   * was doomed.
   */
  function* makeLive(
    trx: Trx,
    { cid, key, backend, size }: Content,
    deleteDelay: number,
  ): Step<'live' | 'made live' | null> {
    const live = yield* firstRow(trx.selectFrom('blobstore_content').select(['key', 'backend']).where('cid', '=', cid))
    if (live?.key === key) return 'live'
    const copies = yield* changedRows(
      trx.deleteFrom('blobstore_upload').where('key', '=', key).where('did', 'is', null),
    )
    if (copies !== 1) return null
    const fresh = { key, backend, verified_at: session.now() }
    if (!live) {
      yield* execute(
        trx.insertInto('blobstore_content').values({ cid, size, ...fresh, unmirrored_since: sinceNow(session.now()) }),
      )
      return 'made live'
    }
    const changed = yield* changedRows(
      trx.updateTable('blobstore_content').set(fresh).where('cid', '=', cid).where('key', '=', live.key),
    )
    if (changed !== 1) throw new LostRace()
    yield* doom(session, trx, [{ key: live.key, backend: live.backend, size, did: null }], deleteDelay)
    return 'made live'
  }
}

/**
 * A takedown outlives the rows that a restored database has forgotten, so it may apply to any of the accounts. A quarantine
 * does not: its account has the blob, and no other must lose its own because of it.
 */
function* isTakenDownForAnybody(trx: Trx, cid: string): Step<boolean> {
  const decided = trx.selectFrom('blobstore_takedown').where('cid', '=', cid).where('quarantined', '=', 0)
  const row = yield* firstRow(decided.select('cid').limit(1))
  return row !== undefined
}
