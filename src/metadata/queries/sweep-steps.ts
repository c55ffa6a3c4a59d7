import { setImmediate } from 'node:timers/promises'
import { type Compilable, type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { cidIn, numberIn } from '../../backend/key.ts'
import type { SweepSteps } from '../contract/collection.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { changedRows, execute, rowsOf, type Step } from '../step.ts'
import { doom } from './doomed-rows.ts'
import { assertNotRestored } from './identity-rows.ts'
import { purgedAmong } from './purge-rows.ts'
import { chunkSize, chunks } from './walks.ts'

type Trx = Kysely<Tables>

export function sweepSteps(session: Session): SweepSteps {
  return {
    noteUnknown: async (sweep, keys) => {
      let noted = 0
      for (const some of chunks(keys)) {
        noted += await session.write(function* (trx) {
          yield* assertNotRestored(trx)
          const unknown = yield* orphansAmong(trx, some)
          if (unknown.length === 0) return 0
          yield* execute(trx.insertInto('blobstore_orphan').values(unknown.map((key) => ({ sweep, key }))))
          return unknown.length
        })
      }
      return noted
    },

    doomNoted: (sweep, { backend, limit, deleteDelay }) =>
      session.write(function* (trx) {
        yield* assertNotRestored(trx)
        const noted = yield* rowsOf(
          trx
            .deleteFrom('blobstore_orphan')
            .where('sweep', '=', sweep)
            .where('key', 'in', (eb) =>
              eb.selectFrom('blobstore_orphan').select('key').where('sweep', '=', sweep).limit(limit),
            )
            .returning('key'),
        )
        const unknown = yield* orphansAmong(
          trx,
          noted.map((row) => row.key),
        )
        const orphans = unknown.map((key) => ({ key, backend, did: null, size: 0 }))
        // Purged bytes are deleted without delay: no backup may need them.
        const illegal = yield* purgedAmong(trx, unknown.map(cidIn))
        const [gone, kept] = [orphans.filter(isIllegal), orphans.filter((orphan) => !isIllegal(orphan))]
        yield* doom(session, trx, kept, deleteDelay)
        yield* doom(session, trx, gone, 0)
        return noted.length === limit

        function isIllegal({ key }: { key: string }): boolean {
          return illegal.has(cidIn(key))
        }
      }),

    forgetNotes: async (sweep) => {
      const which = sweep === null ? sql`true` : sql`sweep = ${sweep}`
      const some = sql`delete from blobstore_orphan where (sweep, key) in
        (select sweep, key from blobstore_orphan where ${which} limit ${chunkSize})`
      let forgotten: number
      do {
        await setImmediate()
        forgotten = await session.write((trx) => changedRows(some.compile(trx)))
      } while (forgotten === chunkSize)
    },
  }
}

/**
 * Those of the keys that are in no table, and that no upload may still commit: the entry whose number they have is closed.
 * In one statement, because a commit makes a key of an entry one of a table, and then the entry may be closed.
 */
function* orphansAmong(trx: Trx, keys: readonly string[]): Step<string[]> {
  if (keys.length === 0) return []
  const open = trx
    .selectFrom('blobstore_process')
    .select((eb) => eb.cast<string>('number', 'text').as('key'))
    .where('number', 'in', [...new Set(keys.map(numberIn))])
  const known = yield* namesOf(inTables(trx, keys).unionAll(open))
  return keys.filter((key) => !known.has(key) && !known.has(String(numberIn(key))))
}

/**
 * Those of the keys that are in no table. In one statement, because a key moves from one table to the next, never back.
 */
export function* unknownAmong(trx: Trx, keys: readonly string[]): Step<string[]> {
  if (keys.length === 0) return []
  const known = yield* namesOf(inTables(trx, keys))
  return keys.filter((key) => !known.has(key))
}

function* namesOf(keys: Compilable<{ key: string }>): Step<ReadonlySet<string>> {
  return new Set((yield* rowsOf(keys)).map((row) => row.key))
}

function inTables(trx: Trx, keys: readonly string[]) {
  return trx
    .selectFrom('blobstore_upload')
    .select('key')
    .where('key', 'in', keys)
    .unionAll(liveAmong(trx, keys))
    .unionAll(trx.selectFrom('blobstore_doomed').select('key').where('key', 'in', keys))
    .unionAll(
      trx.selectFrom('blobstore_mirrored').select('key').where('cid', 'in', keys.map(cidIn)).where('key', 'in', keys),
    )
}

/**
 * Finds keys by their CIDs, with which they begin. An index on keys would be one more page to write for each upload.
 */
export function liveAmong(
  db: Trx,
  keys: readonly string[],
): SelectQueryBuilder<Tables, 'blobstore_content', { key: string }> {
  const cids = keys.map(cidIn)
  return db.selectFrom('blobstore_content').select('key').where('cid', 'in', cids).where('key', 'in', keys)
}
