import type { Kysely } from 'kysely'
import { statement } from '../statement.ts'
import type { Tables } from '../tables.ts'

interface Retyped {
  did: string
  cid: string
  mimeType: string
}

/** Gives a blob another type, unless a record references it: that one names it by the type it has. Resolves with whether it did. */
export async function retype(trx: Kysely<Tables>, blob: Retyped): Promise<boolean> {
  const { numAffectedRows } = await change(trx, blob)
  return numAffectedRows === 1n
}

const change = statement((db, { did, cid, mimeType }: Retyped) =>
  db
    .updateTable('blobstore_blob')
    .set({ mime_type: mimeType })
    .where('did', '=', did)
    .where('cid', '=', cid)
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('blobstore_ref').select('cid').where('did', '=', did).where('cid', '=', cid))),
    ),
)
