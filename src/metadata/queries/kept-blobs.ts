import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import { statement } from '../statement.ts'
import { changedRows, execute, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { isNamed } from './naming-rows.ts'

// Which blobs of an account are temporary, and how many. Both under the account's lock.

/**
 * As it stands. A bare `expires_at is not null` lets SQLite, asked for five blobs or more, walk through all that are temporary
 * in the account.
 */
const expiry = sql<number | null>`+expires_at`

interface Blobs {
  did: string
  cids: readonly string[]
}

/** Records reference these blobs: they are temporary no more. One that records still wait for is, until all reference it. */
export function* keepBlobs(trx: Kysely<Tables>, blobs: Blobs): Step<void> {
  const { numAffectedRows = 0n } = yield* keep(trx, blobs)
  if (numAffectedRows > 0n) yield* lockAccount(trx, blobs.did, { temporary: -Number(numAffectedRows) })
}

const keep = statement((db, { did, cids }: Blobs) =>
  db
    .updateTable('blobstore_blob')
    .set({ expires_at: null, was_referenced: 1 })
    .where('did', '=', did)
    .where('cid', 'in', cids)
    .where(expiry, 'is not', null)
    .where((eb) => eb.not(isNamed(eb, 'blobstore_expected'))),
)

/** Those of the blobs that no record references any more are temporary from here on, and expire then. */
export function* letGo(trx: Kysely<Tables>, { did, cids }: Blobs, expiresAt: RawBuilder<number>): Step<void> {
  if (cids.length === 0) return
  const unreferenced = trx
    .updateTable('blobstore_blob')
    .set({ expires_at: expiresAt })
    .where('did', '=', did)
    .where('cid', 'in', cids)
    .where((eb) => eb.not(isNamed(eb, 'blobstore_ref')))
  // First what is temporary already, as where records still waited for it: it has a whole grace period before it, too.
  yield* execute(unreferenced.where(expiry, 'is not', null))
  const changed = yield* changedRows(unreferenced.where('expires_at', 'is', null))
  if (changed > 0) yield* lockAccount(trx, did, { temporary: changed })
}
