import type { Kysely } from 'kysely'
import type { TakedownSteps } from '../metadata.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'

/** Stands for every account in a takedown. */
export const everyAccount = '*'

export function takedownSteps(session: Session): TakedownSteps {
  return {
    takedown: (did, cid, { ref, trx }) =>
      session.write(async (db) => {
        await db
          .insertInto('blobstore_takedown')
          .values({ did, cid, ref, created_at: session.now() })
          .onConflict((conflict) => conflict.columns(['cid', 'did']).doUpdateSet({ ref }))
          .execute()
      }, trx),

    restore: (did, cid, { trx }) =>
      session.write(async (db) => {
        await db.deleteFrom('blobstore_takedown').where('cid', '=', cid).where('did', '=', did).execute()
      }, trx),
  }
}

export async function isTakenDown(db: Kysely<Tables>, did: string, cid: string): Promise<boolean> {
  return (await takenDownAmong(db, did, [cid])).size > 0
}

/** Those of the CIDs that are taken down for this account. */
export async function takenDownAmong(db: Kysely<Tables>, did: string, cids: readonly string[]): Promise<Set<string>> {
  const { rows } = await findTakedowns(db, { did, cids })
  return new Set(rows.map((row) => row.cid))
}

const findTakedowns = statement((db, { did, cids }: { did: string; cids: readonly string[] }) =>
  db.selectFrom('blobstore_takedown').select('cid').where('cid', 'in', cids).where('did', 'in', [did, everyAccount]),
)
