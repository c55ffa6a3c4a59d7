import { sql } from 'kysely'
import type { TimedBuild } from '../statement.ts'
import { forbidden } from './quarantine-rows.ts'
import { sinceNow } from './unmirrored-since.ts'

// What a commit asks and writes; commit-step.ts says when. PostgreSQL's function of a commit is made of the same.

/** Restarts the blob's grace period, unless the blob does not expire because a record references it. */
export const prolong: TimedBuild<{ did: string; cid: string; grace: number }, unknown> = (
  db,
  { did, cid, grace },
  now,
) =>
  db
    .updateTable('blobstore_blob')
    .set((eb) => ({ expires_at: eb.case().when('expires_at', 'is', null).then(null).else(now(grace)).end() }))
    .where('did', '=', did)
    .where('cid', '=', cid)

/** What a commit finds when the upload's bytes are stored. */
export interface Situation {
  /** Whether it is taken down by a decision, for this account or for all. */
  forbidden: unknown
  /** Whether records of the account wait for this blob. */
  expected: unknown
  /** The type of the account's blob; null when it has none of this CID. */
  heldType: string | null
  /** The key of the CID's live bytes, whichever accounts have them; null if there are none. */
  key: string | null
  backend: string | null
  /** Whether the upload's own key was given up. */
  doomed: unknown
  /** Whether those bytes were verified recently. */
  fresh: unknown
}

/** One query for everything that decides what happens to the bytes: each query costs as much as a write. */
export const findSituation: TimedBuild<{ did: string; cid: string; key: string; since: number }, Situation> = (
  db,
  { did, cid, key, since },
  now,
) => {
  const blob = db.selectFrom('blobstore_blob').where('did', '=', did).where('cid', '=', cid)
  const content = db.selectFrom('blobstore_content').where('cid', '=', cid)
  const expected = db.selectFrom('blobstore_expected').where('did', '=', did).where('cid', '=', cid)
  return db.selectNoFrom((eb) => [
    forbidden(db, did, cid).as('forbidden'),
    eb.exists(expected.select('cid')).as('expected'),
    blob.select('mime_type').as('heldType'),
    eb.exists(db.selectFrom('blobstore_doomed').select('key').where('key', '=', key)).as('doomed'),
    content.select('key').as('key'),
    content.select('backend').as('backend'),
    // A time in the future comes from a clock that ran ahead, and proves nothing.
    content
      .select((eb) => eb.and([eb('verified_at', '>', now(since)), eb('verified_at', '<=', now())]).as('fresh'))
      .as('fresh'),
  ])
}

export const insertContent: TimedBuild<{ cid: string; key: string; backend: string; size: number }, unknown> = (
  db,
  content,
  now,
) => db.insertInto('blobstore_content').values({ ...content, verified_at: now(), unmirrored_since: sinceNow(now()) })

export const replaceContent: TimedBuild<{ cid: string; former: string; key: string; backend: string }, unknown> = (
  db,
  { cid, former, key, backend },
  now,
) =>
  db
    .updateTable('blobstore_content')
    .set({ key, backend, verified_at: now() })
    .where('cid', '=', cid)
    .where('key', '=', former)

interface NewBlob {
  did: string
  cid: string
  mime_type: string
  size: number
  grace: number
  createdAt: number | null
}

export const insertBlob: TimedBuild<NewBlob, unknown> = (db, { grace, createdAt, ...blob }, now) =>
  db.insertInto('blobstore_blob').values({
    ...blob,
    was_referenced: 0,
    created_at: sql<number>`coalesce(cast(${createdAt} as bigint), ${now()})`,
    expires_at: now(grace),
  })
