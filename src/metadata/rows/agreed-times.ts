import type { Kysely } from 'kysely'
import type { Session } from '../session.ts'
import { longest, type SharedTimes } from '../shared-times.ts'
import type { Tables } from '../tables.ts'
import { readNotes, writeNotes } from './meta-notes.ts'

/**
 * The longest times that an open process was given, and of what none was given the last that the store had: a tool beside
 * the host knows no times, and the host may be stopped. Remembers them, and the longest that the store ever had; where nobody
 * was given any, the process has `defaults`.
 */
export async function agreedTimes(session: Session, trx: Kysely<Tables>, defaults: SharedTimes): Promise<SharedTimes> {
  const open = await trx
    .selectFrom('blobstore_process')
    .select('times')
    .where('seen_until', '>', session.now())
    .execute()
  const before = await readNotes(trx)
  const times = { ...before.times, ...longest(open.map(({ times }) => parsed(times))) }
  const most = longest([before.most, before.times, { ...defaults, ...times }])
  await writeNotes(trx, before, { ...before, times, most })
  return times
}

/** Null for a process of an older version, which told none. */
function parsed(times: string | null): SharedTimes {
  return times === null ? {} : longest([JSON.parse(times)])
}
