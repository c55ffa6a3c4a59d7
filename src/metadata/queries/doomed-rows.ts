import { type Kysely, type SqlBool, sql } from 'kysely'
import { keyOf, newGeneration } from '../../backend/key.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { execute, type Step } from '../step.ts'
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
  const notBefore = session.now(delay)
  yield* execute(
    trx
      .insertInto('blobstore_doomed')
      .values(keys.map((key) => ({ ...key, not_before: notBefore, attempts: 0, last_error: null }))),
  )
  if (first.did === null) return
  yield* lockAccount(trx, first.did, { pending: keys.reduce((sum, key) => sum + key.size, 0) })
}

/** The number of keys whose bytes will be deleted, due or not. */
export async function countDoomed(session: Session): Promise<number> {
  const where = sql<SqlBool>`backend is not null`
  return (await addUp(session, { table: 'blobstore_doomed', along: 'key', where })).rows
}
