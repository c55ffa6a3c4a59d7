import type { Kysely } from 'kysely'
import type { Tables } from '../schema/tables.ts'
import { longest, type SharedTimes } from '../shared-times.ts'
import { execute, firstRow, type Step } from '../step.ts'

/**
 * What `blobstore_meta.times` contains besides the times themselves. Versions that do not know these notes drop them.
 */
export interface MetaNotes {
  /** The deletion times that a process was last given. */
  times: SharedTimes
  /** The longest value that each time ever had in this store. No time in the future was stored with a longer one. */
  most: SharedTimes
  /**
   * For each suspicious backend: what was found there, and since when it is the same. See `StoreIdentity.sameSince`.
   */
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

/** Writes only if something has changed. */
export function* writeNotes(trx: Kysely<Tables>, before: MetaNotes, { times, most, doubts }: MetaNotes): Step<void> {
  const after = JSON.stringify({ ...times, most, doubts })
  if (after === JSON.stringify({ ...before.times, most: before.most, doubts: before.doubts })) return
  yield* execute(trx.updateTable('blobstore_meta').set({ times: after }))
}
