import {
  type Expression,
  type ExpressionWrapper,
  expressionBuilder,
  type Kysely,
  type SelectQueryBuilder,
  type SqlBool,
} from 'kysely'
import type { Tables } from '../schema/tables.ts'

/** The `did` of a takedown for every account. */
export const everyAccount = '*'

interface Blob {
  /** Null for a blob of no account: only takedowns for every account count. */
  did: string | Expression<string> | null
  cid: string | Expression<string> | null
}

type Takedowns = SelectQueryBuilder<Tables, 'blobstore_takedown', object>

/**
 * Whether a blob is taken down, for its account or for all; with `which`, by such a takedown. Not `did in (…)`, for which
 * SQLite creates a table each time.
 */
export function hasTakedown(
  db: Kysely<Tables>,
  { did, cid }: Blob,
  which: (takedowns: Takedowns) => Takedowns = (all) => all,
): ExpressionWrapper<Tables, never, SqlBool> {
  const { exists, or } = expressionBuilder<Tables>()
  const takedowns = which(db.selectFrom('blobstore_takedown').select('did').where('blobstore_takedown.cid', '=', cid))
  return or([exists(takedowns.where('did', '=', did)), exists(takedowns.where('did', '=', everyAccount))])
}
