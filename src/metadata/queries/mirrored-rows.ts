import { type Kysely, type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import type { BlobCid } from '../../blob/cid.ts'
import { type MirroredCopy, mirrorName } from '../contract/mirror.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { changedRows, execute, firstRow, type Step } from '../step.ts'
import type { Doom } from './doomed-rows.ts'

type Trx = Kysely<Tables>

/** Every transaction on SQLite begins with a write, so that it has the write lock from the start. */
export function* begin(session: Session, trx: Trx): Step<void> {
  if (session.dialect.name === 'postgres') return
  yield* execute(trx.updateTable('blobstore_meta').set((eb) => ({ mirror: eb.ref('mirror') })))
}

/** Whether the rows are about the mirror with this id, and stay so until the transaction ends. */
export function* isMirror(session: Session, trx: Trx, id: string): Step<boolean> {
  const query = trx.selectFrom('blobstore_meta').select('mirror')
  const row = yield* firstRow(session.dialect.name === 'postgres' ? query.forShare() : query)
  return row?.mirror === id
}

/** Whether the CID has content, which stays until the transaction ends. */
export function* lockContent(session: Session, trx: Trx, cid: BlobCid): Step<boolean> {
  const query = trx.selectFrom('blobstore_content').select('cid').where('cid', '=', cid)
  const row = yield* firstRow(session.dialect.name === 'postgres' ? query.forUpdate() : query)
  return row !== undefined
}

/** If the CID has a verified copy: it is needed again, and its content does not wait. */
export function* settle(trx: Trx, cid: BlobCid): Step<boolean> {
  const kept = yield* changedRows(
    trx
      .updateTable('blobstore_mirrored')
      .set({ unneeded_since: null })
      .where('cid', '=', cid)
      .where('verified_at', 'is not', null),
  )
  if (kept === 0) return false
  yield* waitNoLonger(trx, cid)
  return true
}

/** This content waits for a copy from now on, if it does not wait already. */
export function* wait(session: Session, trx: Trx, cids: readonly BlobCid[]): Step<void> {
  yield* execute(
    trx
      .updateTable('blobstore_content')
      .set({ unmirrored_since: session.now() })
      .where('cid', 'in', cids)
      .where('unmirrored_since', 'is', null),
  )
}

export function* waitNoLonger(trx: Trx, cid: BlobCid): Step<void> {
  yield* execute(trx.updateTable('blobstore_content').set({ unmirrored_since: null }).where('cid', '=', cid))
}

/** Of copies that nobody has verified, only as long as there is none that was: they may be the last bytes. */
export const isNeeded = (): RawBuilder<SqlBool> =>
  sql<SqlBool>`(exists (select 1 from blobstore_content as content where content.cid = blobstore_mirrored.cid)
    and (verified_at is not null or not exists (select 1 from blobstore_mirrored as other
      where other.cid = blobstore_mirrored.cid and other.verified_at is not null)))`

export function copiesAfter(
  db: Trx,
  after: MirroredCopy | null,
): SelectQueryBuilder<Tables, 'blobstore_mirrored', MirroredCopy> {
  return db
    .selectFrom('blobstore_mirrored')
    .select(['cid', 'key', 'size'])
    .$if(after !== null, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('cid', 'key'), '>', tuple(after?.cid ?? '', after?.key ?? '')),
      ),
    )
    .orderBy('cid')
    .orderBy('key')
}

export const tombstone = ({ key, size }: { key: string; size: number }): Doom => ({
  key,
  backend: mirrorName,
  did: null,
  size: Number(size),
})

export const toCopy = ({ cid, key, size }: MirroredCopy): MirroredCopy => ({ cid, key, size: Number(size) })
