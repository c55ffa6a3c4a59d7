import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely'
import type { TakedownRecord, TakedownSteps } from '../contract/accounts.ts'
import type { Tables, TakedownTable } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { rowsOf, type Step } from '../step.ts'
import type { BlobTakedown } from '../types.ts'
import { decodeCursor, encodeCursor, notACursor, pageOf } from './list-referenced.ts'
import { everyAccount } from './takedown-rows.ts'

/** Lists of takedowns, for moderators. */
export function takedownList(session: Session): Pick<TakedownSteps, 'listTakedowns'> {
  return {
    listTakedowns: ({ limit, cursor, cid, quarantined, trx }) =>
      session.read(function* (db) {
        const some = takedowns(db, quarantined).limit(limit + 1)
        const rows = yield* cid === undefined ? newest(some, cursor) : ofCid(some, cid, cursor)
        const { items, ...rest } = pageOf(rows, limit, (row) =>
          cid === undefined
            ? encodeCursor('takedowns', String(row.created_at), `${row.cid} ${row.did}`)
            : encodeCursor('takedownsOf', row.cid, row.did),
        )
        return { items: items.map(toTakedown), ...rest }
      }, trx),
  }
}

type Row = Selectable<TakedownTable>
type Takedowns = SelectQueryBuilder<Tables, 'blobstore_takedown', Row>

/** Those that wait for a decision, those that do not, or all. */
function takedowns(db: Kysely<Tables>, quarantined: boolean | undefined): Takedowns {
  const all = db.selectFrom('blobstore_takedown').selectAll()
  return quarantined === undefined ? all : all.where('quarantined', '=', quarantined ? 1 : 0)
}

function newest(some: Takedowns, cursor: string | undefined): Step<Row[]> {
  let query = some.orderBy('created_at', 'desc').orderBy('cid', 'desc').orderBy('did', 'desc')
  const after = decodeCursor('takedowns', cursor)
  if (after) {
    const createdAt = Number(after[0])
    const [cid = '', did] = after[1].split(' ')
    if (after[0] === '' || !Number.isSafeInteger(createdAt) || did === undefined) throw notACursor()
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'cid', 'did'), '<', tuple(createdAt, cid, did)),
    )
  }
  return rowsOf(query)
}

function ofCid(some: Takedowns, cid: string, cursor: string | undefined): Step<Row[]> {
  const after = decodeCursor('takedownsOf', cursor)
  if (after && after[0] !== cid) throw notACursor()
  return rowsOf(
    some
      .where('cid', '=', cid)
      .where('did', '>', after?.[1] ?? '')
      .orderBy('did'),
  )
}

/** Why a blob of the account is hidden: its own takedown says more than one for every account. */
export function* takedownOf(db: Kysely<Tables>, did: string, cid: string): Step<BlobTakedown | undefined> {
  const rows = yield* rowsOf(
    db.selectFrom('blobstore_takedown').selectAll().where('cid', '=', cid).where('did', 'in', [did, everyAccount]),
  )
  const own = rows.find((row) => row.did === did)
  const all = rows.find((row) => row.did === everyAccount)
  const said = own && (own.ref !== null || all === undefined || all.ref === null) ? own : all
  if (said === undefined) return undefined
  const { ref, by, takenDownAt } = toTakedown(said)
  return { ref, by, takenDownAt, everyAccount: all !== undefined, quarantined: isQuarantined(said) }
}

function toTakedown(row: Row): TakedownRecord {
  return {
    did: row.did,
    cid: row.cid,
    takenDownAt: new Date(Number(row.created_at)),
    ref: row.ref,
    by: row.requested_by,
    purged: Number(row.purged) === 1,
    quarantined: isQuarantined(row),
  }
}

const isQuarantined = (row: Row): boolean => Number(row.quarantined) === 1
