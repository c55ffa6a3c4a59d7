import type { Kysely } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { chargeOf, doom } from './doomed-rows.ts'
import { forgetQuarantines } from './quarantine-rows.ts'

/**
 * Deletes an account's unreferenced blobs, and the content that no account has any more, and inserts the tombstones: in
 * one transaction, so that content without a blob never exists, and nothing has to search for it. A reference, or
 * another account's blob, that is added in between violates a foreign key, and nothing is deleted.
 */
export function* deleteBlobs(
  session: Session,
  trx: Kysely<Tables>,
  did: string,
  cids: readonly string[],
  deleteDelay: number,
): Step<number> {
  if (cids.length === 0) return 0
  const deleted = yield* rowsOf(
    trx
      .deleteFrom('blobstore_blob')
      .where('did', '=', did)
      .where('cid', 'in', cids)
      .returning(['cid', 'size', 'expires_at']),
  )
  yield* forgetQuarantines(trx, did, cids)
  const bytes = deleted.reduce((sum, row) => sum + Number(row.size), 0)
  const temporary = deleted.filter((row) => row.expires_at !== null).length
  yield* lockAccount(trx, did, { bytes: -bytes, count: -deleted.length, temporary: -temporary })
  // If two accounts delete the last two blobs of a CID at once, the second waits here, and then sees what the first
  // did.
  yield* lockContents(session, trx, cids)
  const unowned = yield* rowsOf(
    trx
      .deleteFrom('blobstore_content')
      .where('cid', 'in', cids)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb.selectFrom('blobstore_blob').select('did').whereRef('blobstore_blob.cid', '=', 'blobstore_content.cid'),
          ),
        ),
      )
      .returning(['cid', 'key', 'backend', 'size']),
  )
  const keys = new Map(unowned.map((content) => [content.cid, content]))
  const doomed = deleted.map(({ cid, size }) => {
    // Content that other accounts have stays. The account is charged the same.
    const charge = chargeOf({ did, cid, size: Number(size) })
    const content = keys.get(cid)
    return content ? { ...charge, key: content.key, backend: content.backend } : charge
  })
  yield* doom(session, trx, doomed, deleteDelay)
  return deleted.length
}

/**
 * Locks the content of these CIDs until the transaction ends. All callers lock in the same order. Only on PostgreSQL:
 * SQLite has one writer at a time.
 */
export function* lockContents(session: Session, trx: Kysely<Tables>, cids: readonly string[]): Step<void> {
  if (session.dialect.name !== 'postgres') return
  yield* execute(trx.selectFrom('blobstore_content').select('cid').where('cid', 'in', cids).orderBy('cid').forUpdate())
}
