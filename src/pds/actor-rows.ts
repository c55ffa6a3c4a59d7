import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobCid } from '../blob/cid.ts'
import type { AskOptions, Standing } from './host.ts'
import type { ActorConnection, ActorDatabase, RunningPds } from './running-pds.ts'

/** How often a locked database is tried, and how long that takes at most: 10 s. */
const tries = 100
const pause = 100
/** SQLite takes a bounded number of variables. */
const batch = 500

/**
 * What the account's own database says of these blobs: table `blob`, whose `tempKey` is null once a record references it.
 *
 * For a final answer it is read under the write lock, by BEGIN IMMEDIATE: the PDS inserts into the table before it makes a
 * blob permanent, in that transaction or an earlier one. So whoever made one permanent before has either committed, and
 * is in the answer, or has failed. Nothing is written, so nobody's transaction is disturbed but by a short wait.
 *
 * @throws what SQLite throws, and an error of the PDS's when there is no such database
 */
export async function readActorRows(
  { ctx }: RunningPds,
  did: string,
  cids: readonly BlobCid[],
  { final }: AskOptions,
): Promise<Map<BlobCid, Standing>> {
  const database = await ctx.actorStore.openDb(did)
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await readRows(database, cids, final)
      } catch (error) {
        // The PDS gives its connections no patience of their own: a wait inside SQLite would block the event loop.
        if (!isBusy(error) || attempt === tries) throw error
        await sleep(pause)
      }
    }
  } finally {
    database.close()
  }
}

function readRows(database: ActorDatabase, cids: readonly BlobCid[], final: boolean): Promise<Map<BlobCid, Standing>> {
  return database.db.connection().execute(async (one) => {
    if (!final) return select(one, cids)
    await one.executeQuery(raw('begin immediate'))
    try {
      return await select(one, cids)
    } finally {
      await one.executeQuery(raw('rollback'))
    }
  })
}

async function select(one: ActorConnection, cids: readonly BlobCid[]): Promise<Map<BlobCid, Standing>> {
  const standing = new Map<BlobCid, Standing>()
  for (let at = 0; at < cids.length; at += batch) {
    const some = cids.slice(at, at + batch)
    const marks = some.map(() => '?').join(', ')
    const query = raw(`select cid, tempKey from blob where cid in (${marks})`, some)
    for (const row of (await one.executeQuery(query)).rows as { cid: string; tempKey: string | null }[]) {
      standing.set(row.cid, row.tempKey === null ? 'permanent' : 'temporary')
    }
  }
  return standing
}

/** A query as every Kysely takes it, without having one: the PDS's is not ours. */
function raw(sql: string, parameters: readonly unknown[] = []) {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] }
  return { sql, parameters, query, queryId: { queryId: 'pds-blobstore' } }
}

function isBusy(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
}
