import { sql } from 'kysely'
import type { ReferenceSteps } from '../contract/references.ts'
import type { Session } from '../session.ts'
import { rowsOf } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { hiddenAmong } from './former-references.ts'
import { letGo } from './kept-blobs.ts'
import { deleteNamings } from './naming-rows.ts'

/** Forgets what an account has in a space, a bounded number of references in each transaction. */
export function dropSpaceStep(session: Session): Pick<ReferenceSteps, 'dropSomeOfSpace'> {
  return {
    dropSomeOfSpace: (did, space, { limit, grace }) =>
      session.write(function* (trx) {
        yield* lockAccount(trx, did)
        // By scope, not by URI: hosts of earlier versions gave records with public URIs the scope of a space.
        const some = sql`did = ${did} and scope = ${space} order by cid limit ${limit}`
        const query = sql<{ cid: string }>`select cid from blobstore_ref where ${some}`
        const cids = [...new Set((yield* rowsOf(query.compile(trx))).map((row) => row.cid))]
        if (cids.length === 0) return { dropped: yield* deleteNamings(trx, 'blobstore_expected', some), hidden: [] }
        const dropped = yield* deleteNamings(trx, 'blobstore_ref', some)
        yield* letGo(trx, { did, cids }, session.now(grace))
        return { dropped, hidden: yield* hiddenAmong(trx, did, space, cids) }
      }),
  }
}
