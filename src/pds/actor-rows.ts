import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobCid } from '../blob/cid.ts'
import { isBusy } from '../metadata/sql-errors.ts'
import type { AskOptions, Standing } from './host.ts'
import type { ActorConnection, ActorDatabase, RunningPds } from './running-pds.ts'

/** How often a locked database is tried; together at most 10 s. */
const tries = 100
const pause = 100
/** SQLite accepts a bounded number of variables. */
const batch = 500

/**
 * What the account's own database says about these blobs: its table `blob`, whose `tempKey` is null once a record
 * references the blob, and what references it. The table `record_blob` has records that everybody may read; another
 * table of that kind, such as `space_record_blob`, has records that not everybody may read.
 *
 * A final answer is read under the write lock, with BEGIN IMMEDIATE: the PDS inserts into the table before it makes a
 * blob permanent, in that transaction or an earlier one. So a transaction that made one permanent before has either
 * committed, and is in the answer, or has failed. Nothing is written, so other transactions only have a short wait.
 *
 * @throws what SQLite throws, and an error of the PDS if there is no such database
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
        // The PDS sets no busy timeout on its connections: waiting inside SQLite would block the event loop.
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
    await run(one, 'begin immediate')
    try {
      return await select(one, cids)
    } finally {
      await run(one, 'rollback')
    }
  })
}

interface Row {
  cid: string
  tempKey: string | null
  isNamed: number
  isNamedElsewhere: number
}

async function select(one: ActorConnection, cids: readonly BlobCid[]): Promise<Map<BlobCid, Standing>> {
  const others = await otherNamings(one)
  const standing = new Map<BlobCid, Standing>()
  for (let at = 0; at < cids.length; at += batch) {
    const some = cids.slice(at, at + batch)
    const marks = some.map(() => '?').join(', ')
    const elsewhere = others.map((table) => namedIn(quoted(table))).join(' or ')
    const rows = await run(
      one,
      `select cid, tempKey, ${namedIn('record_blob')} as isNamed, ${elsewhere || '0'} as isNamedElsewhere
      from blob where cid in (${marks})`,
      some,
    )
    for (const row of rows as Row[]) standing.set(row.cid, standingOf(row, others.length > 0))
  }
  return standing
}

const namedIn = (table: string): string => `exists (select 1 from ${table} as named where named.blobCid = blob.cid)`

function standingOf({ tempKey, isNamed, isNamedElsewhere }: Row, hasOthers: boolean): Standing {
  // Whatever tempKey says: a PDS that imports records after their blobs leaves it set.
  if (isNamed) return 'permanent'
  if (isNamedElsewhere) return 'unlisted'
  if (tempKey !== null) return 'temporary'
  // No known record references it. It is kept; if there may be hidden records, it is hidden.
  return hasOthers ? 'unlisted' : 'permanent'
}

/** Tables besides `record_blob` that say which records reference which blobs. */
async function otherNamings(one: ActorConnection): Promise<string[]> {
  const rows = await run(
    one,
    `select name from sqlite_master where type = 'table' and name <> 'record_blob'
    and exists (select 1 from pragma_table_info(sqlite_master.name) where name = 'blobCid')`,
  )
  return (rows as { name: string }[]).map(({ name }) => name)
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Runs SQL as every Kysely does, without a Kysely object: the PDS's is not ours. */
export async function run(
  one: ActorConnection,
  sql: string,
  parameters: readonly unknown[] = [],
): Promise<readonly unknown[]> {
  const queryId = { queryId: 'pds-blobstore' }
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] }
  return (await one.getExecutor().executeQuery({ sql, parameters, query, queryId }, queryId)).rows
}
