import type { Expression, Kysely, SelectQueryBuilder } from 'kysely'
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
  return (await findTakedowns(db, { did, cid })).rows.length > 0
}

const findTakedowns = statement((db, { did, cid }: { did: string; cid: string }) => takedownsOf(db, did, cid))

/** The takedowns of a CID that concern this account. */
export function takedownsOf(
  db: Kysely<Tables>,
  did: string,
  cid: string | Expression<string>,
): SelectQueryBuilder<Tables, 'blobstore_takedown', { cid: string }> {
  return db
    .selectFrom('blobstore_takedown')
    .select('cid')
    .where('blobstore_takedown.cid', '=', cid)
    .where('did', 'in', [did, everyAccount])
}
