import type { Kysely } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, rowsOf, type Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { chargeOf, doom } from './doomed-rows.ts'

/**
 * Deletes an account's unreferenced blobs, and the content that nobody has any more with its tombstone: in one
 * transaction, so that no content is ever without a blob and none has to be searched for. A reference or another
 * account's blob that comes between is a foreign key violation, and nothing is deleted.
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
  const bytes = deleted.reduce((sum, row) => sum + Number(row.size), 0)
  const temporary = deleted.filter((row) => row.expires_at !== null).length
  yield* lockAccount(trx, did, { bytes: -bytes, count: -deleted.length, temporary: -temporary })
  // Two accounts that delete the last two blobs of a CID at once: the second waits here, and sees the first's work.
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
    // What others have too stays. The account is charged all the same.
    const charge = chargeOf({ did, cid, size: Number(size) })
    const content = keys.get(cid)
    return content ? { ...charge, key: content.key, backend: content.backend } : charge
  })
  yield* doom(session, trx, doomed, deleteDelay)
  return deleted.length
}

/**
 * Keeps the content of these CIDs as it is until the transaction ends, in one order for all who do so. On PostgreSQL alone: SQLite
 * has one writer at a time.
 */
export function* lockContents(session: Session, trx: Kysely<Tables>, cids: readonly string[]): Step<void> {
  if (session.dialect.name !== 'postgres') return
  yield* execute(trx.selectFrom('blobstore_content').select('cid').where('cid', 'in', cids).orderBy('cid').forUpdate())
}
