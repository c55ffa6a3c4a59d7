import { setImmediate } from 'node:timers/promises'
import { type Kysely, type SqlBool, sql } from 'kysely'
import { type MirrorSteps, mirrorName, type WaitingContent } from '../contract/mirror.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { changedRows, execute, firstRow, rowsOf, type Step } from '../step.ts'
import { mirrorComparison } from './mirror-comparison.ts'
import { mirroredCopies } from './mirrored-copies.ts'
import { begin, copiesAfter, lockContent, wait } from './mirrored-rows.ts'
import { chunks } from './walks.ts'

type Trx = Kysely<Tables>

/** Rows of one statement that adds up. */
const atOnce = 1000

/** Loaded only where there is a mirror, or a purge has to ask. */
export function mirrorSteps(session: Session): MirrorSteps {
  return {
    ...mirroredCopies(session),
    ...mirrorComparison(session),

    mirrorId: () =>
      session.read(function* (db) {
        const row = yield* firstRow(db.selectFrom('blobstore_meta').select('mirror'))
        return row?.mirror ?? null
      }),

    setMirrorId: (id) =>
      session.write(function* (trx) {
        const changed = yield* changedRows(
          trx
            .updateTable('blobstore_meta')
            .set({ mirror: id })
            .where((eb) => eb.or([eb('mirror', 'is', null), eb('mirror', '=', id)])),
        )
        return changed === 1
      }),

    replaceMirror: (id, limit) =>
      session.write(function* (trx) {
        // Locks the row, for which every copy that is kept waits.
        yield* execute(trx.updateTable('blobstore_meta').set((eb) => ({ mirror: eb.ref('mirror') })))
        const copies = yield* rowsOf(copiesAfter(trx, null).limit(limit))
        const cids = [...new Set(copies.map(({ cid }) => cid))]
        for (const some of chunks(cids)) {
          for (const cid of some) yield* lockContent(session, trx, cid)
          yield* execute(trx.deleteFrom('blobstore_mirrored').where('cid', 'in', some))
          yield* wait(session, trx, some)
        }
        const isLast = copies.length < limit
        if (isLast) yield* execute(trx.updateTable('blobstore_meta').set({ mirror: id }))
        return isLast
      }),

    forgetDoomed: ({ after, limit }) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        if (after === '') yield* execute(trx.deleteFrom('blobstore_upload').where('backend', '=', mirrorName))
        const doomed = trx.selectFrom('blobstore_doomed').select(['key', 'backend']).where('key', '>', after)
        const rows = yield* rowsOf(doomed.orderBy('key').limit(limit))
        const keys = rows.filter(({ backend }) => backend === mirrorName).map(({ key }) => key)
        for (const some of chunks(keys)) yield* execute(trx.deleteFrom('blobstore_doomed').where('key', 'in', some))
        return rows.length === limit ? (rows.at(-1)?.key ?? null) : null
      }),

    waiting: ({ after, limit }) =>
      session.read(function* (db) {
        const rows = yield* rowsOf(
          db
            .selectFrom('blobstore_content as content')
            .select(['cid', 'key', 'backend', 'size', 'unmirrored_since as since'])
            .where('unmirrored_since', 'is not', null)
            .$if(after !== null, (query) =>
              query.where(({ eb, refTuple, tuple }) =>
                eb(refTuple('unmirrored_since', 'cid'), '>', tuple(after?.since ?? 0, after?.cid ?? '')),
              ),
            )
            // Another process copies it.
            .where(
              sql<SqlBool>`not exists (select 1 from blobstore_upload as copying
                where copying.key > content.cid || '.' and copying.key < content.cid || '/' and copying.backend = ${mirrorName})`,
            )
            .orderBy('unmirrored_since')
            .orderBy('cid')
            .limit(limit),
        )
        return rows.map((row): WaitingContent => ({ ...row, size: Number(row.size), since: Number(row.since) }))
      }),

    lag: async ({ most }) => {
      const lag = { objects: 0, bytes: 0, isMore: false, oldest: null as number | null }
      let after: Position | null = null
      while (true) {
        const begin: Position | null = after
        const rows: Unmirrored[] = await session.read((db) =>
          unmirrored(session, db, begin, Math.min(atOnce, most - lag.objects + 1)),
        )
        if (begin === null && rows[0]) lag.oldest = Math.max(0, rows[0].now - rows[0].since)
        for (const { size } of rows) {
          if (lag.objects === most) return { ...lag, isMore: true }
          lag.objects += 1
          lag.bytes += size
        }
        const last: Unmirrored | undefined = rows.at(-1)
        if (rows.length < atOnce || !last) return lag
        after = last
        await setImmediate()
      }
    },
  }
}

interface Position {
  since: number
  cid: string
}

type Unmirrored = Position & { size: number; now: number }

function* unmirrored(session: Session, db: Trx, after: Position | null, limit: number): Step<Unmirrored[]> {
  const rows = yield* rowsOf(
    db
      .selectFrom('blobstore_content')
      .select(['unmirrored_since as since', 'cid', 'size', session.now().as('now')])
      .where('unmirrored_since', 'is not', null)
      .$if(after !== null, (query) =>
        query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('unmirrored_since', 'cid'), '>', tuple(after?.since ?? 0, after?.cid ?? '')),
        ),
      )
      .orderBy('unmirrored_since')
      .orderBy('cid')
      .limit(limit),
  )
  return rows.map(({ since, cid, size, now }) => ({ since: Number(since), cid, size: Number(size), now: Number(now) }))
}
