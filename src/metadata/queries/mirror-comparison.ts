import { type Kysely, sql } from 'kysely'
import { cidIn } from '../../backend/key.ts'
import type { MirrorSteps } from '../contract/mirror.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, rowsOf, type Step } from '../step.ts'
import { doom } from './doomed-rows.ts'
import { assertNotRestored } from './identity-rows.ts'
import { begin, copiesAfter, isNeeded, lockContent, toCopy, tombstone, wait } from './mirrored-rows.ts'
import { isPurged, isShared, purgedAmong } from './purge-rows.ts'
import { unknownAmong } from './sweep-steps.ts'

type Trx = Kysely<Tables>

export type ComparisonSteps = Pick<
  MirrorSteps,
  'findUnmirrored' | 'findUnneeded' | 'doomUnneeded' | 'doomPurged' | 'adoptUnknown'
>

/** How the mirror is compared with the content, in pages, and what nothing needs is deleted. */
export function mirrorComparison(session: Session): ComparisonSteps {
  return {
    findUnmirrored: ({ after, limit }) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        const rows = yield* rowsOf(
          trx
            .selectFrom('blobstore_content as content')
            .select(['cid', 'unmirrored_since'])
            .select((eb) =>
              eb
                .exists(
                  eb
                    .selectFrom('blobstore_mirrored as copy')
                    .select('copy.cid')
                    .whereRef('copy.cid', '=', 'content.cid')
                    .where('copy.verified_at', 'is not', null),
                )
                .as('copied'),
            )
            .where('cid', '>', after)
            .orderBy('cid')
            .limit(limit),
        )
        const cids = rows.filter((row) => !row.copied && row.unmirrored_since === null).map((row) => row.cid)
        if (cids.length > 0) yield* wait(session, trx, cids)
        return rows.length === limit ? (rows.at(-1)?.cid ?? null) : null
      }),

    findUnneeded: ({ after, limit }) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        const rows = yield* rowsOf(
          copiesAfter(trx, after)
            .select((eb) => [
              isNeeded().as('needed'),
              eb
                .or([eb('unneeded_since', 'is', null), eb('unneeded_since', '>', session.now())]) // a clock that ran ahead
                .as('unmarked'),
              eb('unneeded_since', 'is not', null).as('marked'),
            ])
            .limit(limit),
        )
        const purged = yield* purgedAmong(
          trx,
          rows.map((row) => row.cid),
        )
        const illegal = rows.filter((row) => !row.needed && purged.has(row.cid))
        const unneeded = rows.filter((row) => !row.needed && row.unmarked && !purged.has(row.cid))
        const needed = rows.filter((row) => row.needed && row.marked)
        if (illegal.length > 0) yield* mark(trx, illegal, 0) // purged bytes wait for no delay
        if (unneeded.length > 0) yield* mark(trx, unneeded, session.now())
        if (needed.length > 0) yield* mark(trx, needed, null)
        const last = rows.length === limit ? rows.at(-1) : undefined
        return last ? toCopy(last) : null
      }),

    doomUnneeded: ({ delay, limit }) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        yield* assertNotRestored(trx)
        const rows = yield* rowsOf(
          trx
            .selectFrom('blobstore_mirrored')
            .select(['cid', 'key', 'size'])
            .select(isNeeded().as('needed'))
            .where('unneeded_since', 'is not', null)
            .where('unneeded_since', '<=', session.now(-delay))
            .orderBy('unneeded_since')
            .orderBy('cid')
            .orderBy('key')
            .limit(limit),
        )
        const needed = rows.filter((row) => row.needed)
        if (needed.length > 0) yield* mark(trx, needed, null)
        let doomed = 0
        // It came back in the very moment: then it waits to be copied again.
        for (const { cid, key } of rows.filter((row) => !row.needed)) {
          const gone = yield* firstRow(
            trx
              .deleteFrom('blobstore_mirrored')
              .where('cid', '=', cid)
              .where('key', '=', key)
              .where('unneeded_since', 'is not', null)
              .returning(['key', 'size']),
          )
          if (!gone) continue
          yield* doom(session, trx, [tombstone(gone)], 0)
          doomed += 1
        }
        return { examined: rows.length, doomed }
      }),

    doomPurged: (did, cid, { limit }) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        yield* assertNotRestored(trx)
        if (!(yield* isPurged(trx, did, cid)) || (yield* isShared(trx, did, cid))) return false
        if (yield* lockContent(session, trx, cid)) return false
        const rows = yield* rowsOf(
          sql<{ key: string; size: number }>`delete from blobstore_mirrored where cid = ${cid} and key in
            (select key from blobstore_mirrored where cid = ${cid} order by key limit ${limit}) returning key, size`.compile(
            trx,
          ),
        )
        yield* doom(session, trx, rows.map(tombstone), 0)
        return rows.length === limit
      }),

    adoptUnknown: (keys) =>
      session.write(function* (trx) {
        yield* begin(session, trx)
        const unknown = yield* unknownAmong(trx, keys)
        if (unknown.length === 0) return 0
        const rows = unknown.map((key) => ({ cid: cidIn(key), key, size: 0, verified_at: null, unneeded_since: null }))
        yield* execute(
          trx
            .insertInto('blobstore_mirrored')
            .values(rows)
            .onConflict((conflict) => conflict.doNothing()),
        )
        return unknown.length
      }),
  }
}

function* mark(
  trx: Trx,
  copies: readonly { cid: string; key: string }[],
  since: ReturnType<Session['now']> | 0 | null,
): Step<void> {
  yield* execute(
    trx
      .updateTable('blobstore_mirrored')
      .set({ unneeded_since: since })
      .where(
        'cid',
        'in',
        copies.map(({ cid }) => cid),
      )
      .where(
        'key',
        'in',
        copies.map(({ key }) => key),
      ),
  )
}
