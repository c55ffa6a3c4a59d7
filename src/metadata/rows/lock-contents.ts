import type { Kysely } from 'kysely'
import type { Session } from '../session.ts'
import type { Tables } from '../tables.ts'

/**
 * Keeps the content of these CIDs as it is until the transaction ends, in one order for all who do so. On PostgreSQL alone: SQLite
 * has one writer at a time.
 */
export async function lockContents(session: Session, trx: Kysely<Tables>, cids: readonly string[]): Promise<void> {
  if (session.dialect.name !== 'postgres') return
  await trx.selectFrom('blobstore_content').select('cid').where('cid', 'in', cids).orderBy('cid').forUpdate().execute()
}
