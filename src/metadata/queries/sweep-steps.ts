import { setImmediate } from 'node:timers/promises'
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { cidIn } from '../../backend/key.ts'
import type { SweepSteps } from '../contract/collection.ts'

import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
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
        noted += await session.write(async (trx) => {
          await assertNotRestored(trx)
          const unknown = await unknownAmong(trx, some)
          if (unknown.length === 0) return 0
          await trx
            .insertInto('blobstore_candidate')
            .values(unknown.map((key) => ({ sweep, key })))
            .execute()
          return unknown.length
        })
      }
      return noted
    },

    doomNoted: (sweep, { backend, limit, deleteDelay }) =>
      session.write(async (trx) => {
        await assertNotRestored(trx)
        const noted = await trx
          .deleteFrom('blobstore_candidate')
          .where('sweep', '=', sweep)
          .where('key', 'in', (eb) =>
            eb.selectFrom('blobstore_candidate').select('key').where('sweep', '=', sweep).limit(limit),
          )
          .returning('key')
          .execute()
        const unknown = await unknownAmong(
          trx,
          noted.map((row) => row.key),
        )
        const orphans = unknown.map((key) => ({ key, backend, did: null, size: 0 }))
        // No backup is to need what is purged.
        const illegal = await purgedAmong(trx, unknown.map(cidIn))
        const [gone, kept] = [orphans.filter(isIllegal), orphans.filter((orphan) => !isIllegal(orphan))]
        await doom(session, trx, kept, deleteDelay)
        await doom(session, trx, gone, 0)
        return noted.length === limit

        function isIllegal({ key }: { key: string }): boolean {
          return illegal.has(cidIn(key))
        }
      }),

    forgetNotes: async (sweep) => {
      const which = sweep === null ? sql`true` : sql`sweep = ${sweep}`
      let forgotten: bigint | undefined
      do {
        await setImmediate()
        const result = await session.write((trx) =>
          sql`delete from blobstore_candidate where (sweep, key) in
            (select sweep, key from blobstore_candidate where ${which} limit ${chunkSize})`.execute(trx),
        )
        forgotten = result.numAffectedRows
      } while (forgotten === BigInt(chunkSize))
    },
  }
}

/** Those of the keys that are in no table. One statement: a key moves from one table to the next, never back. */
export async function unknownAmong(trx: Trx, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return []
  const known = await trx
    .selectFrom('blobstore_upload')
    .select('key')
    .where('key', 'in', keys)
    .unionAll(liveAmong(trx, keys))
    .unionAll(trx.selectFrom('blobstore_doomed').select('key').where('key', 'in', keys))
    .execute()
  const names = new Set(known.map((row) => row.key))
  return keys.filter((key) => !names.has(key))
}

/** Found by their CIDs, which keys begin with: an index of their own would be one more page to write for each upload. */
export function liveAmong(
  db: Trx,
  keys: readonly string[],
): SelectQueryBuilder<Tables, 'blobstore_content', { key: string }> {
  const cids = keys.map(cidIn)
  return db.selectFrom('blobstore_content').select('key').where('cid', 'in', cids).where('key', 'in', keys)
}
