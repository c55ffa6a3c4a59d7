import type { Kysely, Selectable } from 'kysely'
import type { ScrubSteps } from '../contract/scrub.ts'
import type { BlobTable, DoomedTable, Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, firstRow, onlyRow, rowsOf, type Step } from '../step.ts'
import type { AccountUsage } from '../types.ts'
import { type AccountState, lockAccount, noDeltas, toState } from './account-row.ts'
import { walk, walkInStep } from './walks.ts'

/** How often an account is counted without its lock. */
const attempts = 3

/** See `ScrubSteps.recount`. */
export async function recount(session: Session, did: string): ReturnType<ScrubSteps['recount']> {
  // Mostly the row is right, and counting may take long: so first without the account's lock, unless it changes meanwhile.
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const said = await session.read((db) => findFigures(db, did))
    const counted = await countMeanwhile(session, did)
    if (!isSame(said, await session.read((db) => findFigures(db, did)))) continue // it changed meanwhile
    if (isSame(said, counted)) return { said: usageOf(said), counted: usageOf(counted) }
    break
  }
  return session.write(function* (trx) {
    const said = yield* lockAccount(trx, did)
    const counted = yield* countAccount(trx, did)
    yield* execute(trx.updateTable('blobstore_account').set(counted).where('did', '=', did))
    return { said: usageOf(said), counted: usageOf(counted) }
  })
}

type Figures = Omit<AccountState, 'deletedAt'>

const figures = ['bytes', 'count', 'temporary', 'reserved', 'uploads', 'pending'] as const

function* findFigures(db: Kysely<Tables>, did: string): Step<Figures> {
  const row = yield* firstRow(
    db.selectFrom('blobstore_account').select(figures).select('deleted_at').where('did', '=', did),
  )
  return row ? toState(row) : noDeltas
}

const isSame = (one: Figures, other: Figures): boolean => figures.every((name) => one[name] === other[name])

const usageOf = ({ bytes, count, reserved, pending }: Figures): AccountUsage => ({ bytes, count, reserved, pending })

function* countAccount(trx: Kysely<Tables>, did: string): Step<Figures> {
  const counted = yield* countUploads(trx, did)
  yield* walkInStep<OwnBlob>(
    (last, atMost) => ownBlobs(trx, did, last, atMost),
    (rows) => addBlobs(counted, rows),
  )
  yield* walkInStep<OwnDoomed>(
    (last, atMost) => ownDoomed(trx, did, last, atMost),
    (rows) => addDoomed(counted, rows),
  )
  return counted
}

/** The same in many steps: what changes meanwhile may be counted or not. */
async function countMeanwhile(session: Session, did: string): Promise<Figures> {
  const counted = await session.read((db) => countUploads(db, did))
  const blobs = walk<OwnBlob>((last, atMost) => session.read((db) => ownBlobs(db, did, last, atMost)))
  for await (const rows of blobs) addBlobs(counted, rows)
  const doomed = walk<OwnDoomed>((last, atMost) => session.read((db) => ownDoomed(db, did, last, atMost)))
  for await (const rows of doomed) addDoomed(counted, rows)
  return counted
}

function* countUploads(db: Kysely<Tables>, did: string): Step<Figures> {
  const { bytes, count } = yield* onlyRow(
    db
      .selectFrom('blobstore_upload')
      .select(({ fn }) => [fn.sum('reserved').as('bytes'), fn.countAll().as('count')])
      .where('did', '=', did),
  )
  return { ...noDeltas, reserved: Number(bytes ?? 0), uploads: Number(count) }
}

function addBlobs(counted: Figures, rows: readonly OwnBlob[]): void {
  counted.count += rows.length
  counted.bytes += rows.reduce((sum, row) => sum + Number(row.size), 0)
  counted.temporary += rows.filter((row) => row.expires_at !== null).length
}

function addDoomed(counted: Figures, rows: readonly OwnDoomed[]): void {
  counted.pending += rows.reduce((sum, row) => sum + Number(row.size), 0)
}

type OwnBlob = Pick<Selectable<BlobTable>, 'created_at' | 'cid' | 'size' | 'expires_at'>

const ownBlobs = (trx: Kysely<Tables>, did: string, after: OwnBlob | undefined, atMost: number): Step<OwnBlob[]> =>
  rowsOf(
    trx
      .selectFrom('blobstore_blob')
      .select(['created_at', 'cid', 'size', 'expires_at'])
      .where('did', '=', did)
      .$if(after !== undefined, (query) =>
        query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('created_at', 'cid'), '>', tuple(after?.created_at ?? 0, after?.cid ?? '')),
        ),
      )
      .orderBy('created_at')
      .orderBy('cid')
      .limit(atMost),
  )

type OwnDoomed = Pick<Selectable<DoomedTable>, 'key' | 'size'>

const ownDoomed = (trx: Kysely<Tables>, did: string, after: OwnDoomed | undefined, atMost: number): Step<OwnDoomed[]> =>
  rowsOf(
    trx
      .selectFrom('blobstore_doomed')
      .select(['key', 'size'])
      .where('did', '=', did)
      .where('key', '>', after?.key ?? '')
      .orderBy('key')
      .limit(atMost),
  )
