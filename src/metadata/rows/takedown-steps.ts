import { type Expression, type ExpressionWrapper, expressionBuilder, type Kysely, type SqlBool } from 'kysely'
import type { TakedownSteps } from '../metadata.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'

/** Stands for every account in a takedown. */
const everyAccount = '*'

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
  return (await findTakedown(db, { did, cid })).rows.some((row) => row.takenDown)
}

const findTakedown = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectNoFrom(takenDown(db, did, cid).as('takenDown')),
)

/** Whether the CID is taken down for this account, or for all. Not `did in (…)`, for which SQLite makes a table each time. */
export function takenDown(
  db: Kysely<Tables>,
  did: string,
  cid: string | Expression<string>,
): ExpressionWrapper<Tables, never, SqlBool> {
  const { exists, or } = expressionBuilder<Tables>()
  const takedowns = db.selectFrom('blobstore_takedown').select('did').where('blobstore_takedown.cid', '=', cid)
  return or([exists(takedowns.where('did', '=', did)), exists(takedowns.where('did', '=', everyAccount))])
}
