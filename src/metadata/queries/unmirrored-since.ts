import { type RawBuilder, sql } from 'kysely'

/** For a row of new content: it waits for the mirror from now on, if the store has one. */
export function sinceNow(now: RawBuilder<number>): RawBuilder<number | null> {
  return sql<number | null>`(select ${now} from blobstore_meta where mirror is not null)`
}
