import type { Kysely } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import { longest, type SharedTimes } from '../shared-times.ts'
import { execute, firstRow, type Step } from '../step.ts'

/** What `blobstore_meta.times` holds, besides the times themselves. Versions that do not know of it leave it out. */
export interface MetaNotes {
  /** The times by which the store deletes, that were last given to a process. */
  times: SharedTimes
  /** The longest that it ever had of each: by no other was a time ever stored that lies in the future. */
  most: SharedTimes
  /** What is doubted of a backend, and since when the same was found there. See `StoreIdentity.sameSince`. */
  doubts: Readonly<Record<string, Doubt>>
}

export interface Doubt {
  found: string
  since: number
}

export function* readNotes(trx: Kysely<Tables>): Step<MetaNotes> {
  const row = yield* firstRow(trx.selectFrom('blobstore_meta').select('times'))
  const value = row?.times ? JSON.parse(row.times) : {}
  return { times: longest([value]), most: longest([value.most ?? {}]), doubts: value.doubts ?? {} }
}

/** Writes only what has changed. */
export function* writeNotes(trx: Kysely<Tables>, before: MetaNotes, { times, most, doubts }: MetaNotes): Step<void> {
  const after = JSON.stringify({ ...times, most, doubts })
  if (after === JSON.stringify({ ...before.times, most: before.most, doubts: before.doubts })) return
  yield* execute(trx.updateTable('blobstore_meta').set({ times: after }))
}
