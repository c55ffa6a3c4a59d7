import { type Kysely, type SqlBool, sql } from 'kysely'
import { keyOf, newGeneration } from '../../backend/key.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import type { Statement, TimedBuild } from '../statement.ts'
import type { Step } from '../step.ts'
import { lockAccount } from './account-row.ts'
import { addUp } from './sums.ts'

export interface Doom {
  key: string
  backend: string | null
  /** The account whose `pending` includes it, so that deleting and uploading again does not evade a quota. */
  did: string | null
  size: number
}

/**
 * The charge for bytes that other accounts have, or may have: a tombstone for a key that never existed. So `pending`,
 * and a quota that it fills, reveals nothing about the others.
 */
export function chargeOf({ did, cid, size }: { did: string; cid: string; size: number }): Doom {
  return { key: keyOf(cid, newGeneration(1)), backend: null, did, size }
}

/**
 * Inserts tombstones: the bytes under these keys will be deleted, `delay` milliseconds from now at the earliest, and
 * the keys are never used again. All keys must be of one account, or of none.
 */
export function* doom(session: Session, trx: Kysely<Tables>, keys: readonly Doom[], delay: number): Step<void> {
  const [first] = keys
  if (!first) return
  yield* insertOf(session)(trx, {
    rows: keys.map(({ key, backend, did, size }) => ({ key, backend, did, size })),
    delay,
  })
  if (first.did === null) return
  yield* lockAccount(trx, first.did, { pending: keys.reduce((sum, key) => sum + key.size, 0) })
}

interface Doomed {
  rows: Doom[]
  delay: number
}

const inserts = new WeakMap<Session, Statement<Doomed, unknown>>()

/** Compiled once: an upload of bytes that others have inserts a tombstone, and must take no longer than any other. */
function insertOf(session: Session): Statement<Doomed, unknown> {
  const kept = inserts.get(session)
  if (kept) return kept
  const insert = session.statement(insertDoomed)
  inserts.set(session, insert)
  return insert
}

export const insertDoomed: TimedBuild<Doomed, unknown> = (db, { rows, delay }, now) =>
  db
    .insertInto('blobstore_doomed')
    .values(rows.map((row) => ({ ...row, not_before: now(delay), attempts: 0, last_error: null })))

/** The number of keys whose bytes will be deleted, due or not. */
export async function countDoomed(session: Session): Promise<number> {
  const where = sql<SqlBool>`backend is not null`
  return (await addUp(session, { table: 'blobstore_doomed', along: 'key', where })).rows
}
