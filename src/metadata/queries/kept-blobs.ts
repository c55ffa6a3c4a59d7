import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import { type Statement, statement } from '../statement.ts'
import { changedRows, execute, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { isNamed } from './naming-rows.ts'

// Which of an account's blobs are temporary, and how many. Both change under the account's lock.

/**
 * The `+` prevents an index search. With a bare `expires_at is not null` and five CIDs or more, SQLite may walk through
 * all temporary blobs.
 */
export const expiry: RawBuilder<number | null> = sql`+expires_at`

interface Blobs {
  did: string
  cids: readonly string[]
}

/**
 * Makes blobs permanent, because records reference them. A blob that records still wait for stays temporary until all
 * of them reference it.
 */
export function* keepBlobs(trx: Kysely<Tables>, blobs: Blobs): Step<void> {
  const { numAffectedRows = 0n } = yield* keep(trx, blobs)
  if (numAffectedRows > 0n) yield* lockAccount(trx, blobs.did, { temporary: -Number(numAffectedRows) })
}

/** The statement of {@link keepBlobs}. */
export const keep: Statement<Blobs, unknown> = statement((db, { did, cids }) =>
  db
    .updateTable('blobstore_blob')
    .set({ expires_at: null, was_referenced: 1 })
    .where('did', '=', did)
    .where('cid', 'in', cids)
    .where(expiry, 'is not', null)
    .where((eb) => eb.not(isNamed(eb, 'blobstore_expected'))),
)

/** Makes those blobs temporary that no record references any more. They expire at `expiresAt`. */
export function* letGo(trx: Kysely<Tables>, { did, cids }: Blobs, expiresAt: RawBuilder<number>): Step<void> {
  if (cids.length === 0) return
  const unreferenced = trx
    .updateTable('blobstore_blob')
    .set({ expires_at: expiresAt })
    .where('did', '=', did)
    .where('cid', 'in', cids)
    .where((eb) => eb.not(isNamed(eb, 'blobstore_ref')))
  // First the blobs that are temporary already, for example because records still waited for them: they get a full
  // grace period too.
  yield* execute(unreferenced.where(expiry, 'is not', null))
  const changed = yield* changedRows(unreferenced.where('expires_at', 'is', null))
  if (changed > 0) yield* lockAccount(trx, did, { temporary: changed })
}
