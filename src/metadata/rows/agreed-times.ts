import type { Kysely } from 'kysely'
import type { Session } from '../session.ts'
import { longest, type SharedTimes } from '../shared-times.ts'
import type { Tables } from '../tables.ts'

/**
 * The longest times that an open process was given, and of what none was given the last that the store had: a tool beside
 * the host knows no times, and the host may be stopped. Remembers them.
 */
export async function agreedTimes(session: Session, trx: Kysely<Tables>): Promise<SharedTimes> {
  const open = await trx
    .selectFrom('blobstore_process')
    .select('times')
    .where('seen_until', '>', session.now())
    .execute()
  const meta = await trx.selectFrom('blobstore_meta').select('times').executeTakeFirst()
  const before = meta?.times ?? null
  const agreed = { ...parsed(before), ...longest(open.map(({ times }) => parsed(times))) }
  const after = JSON.stringify(agreed)
  if (after !== before) await trx.updateTable('blobstore_meta').set({ times: after }).execute()
  return agreed
}

/** Null for a process of an older version, which told none. */
function parsed(times: string | null): SharedTimes {
  return times === null ? {} : longest([JSON.parse(times)])
}
