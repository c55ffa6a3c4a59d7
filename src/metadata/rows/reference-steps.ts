import type { Kysely } from 'kysely'
import type { ApplyOptions, RecordRefs, ReferenceSteps, WantedRef } from '../metadata.ts'
import type { Session } from '../session.ts'
import type { Tables } from '../tables.ts'
import { lockLivingAccount } from './account-row.ts'
import { checkReferences } from './reference-checks.ts'

type Trx = Kysely<Tables>

/** How many values one statement carries: well below the drivers' limits of 32,766 and 65,535. */
const chunkSize = 1000

/** One record names one blob. */
export interface Naming extends WantedRef {
  recordUri: string
  scope: string
}

export function referenceSteps(session: Session): ReferenceSteps {
  return {
    applyReferences: (did, records, options) =>
      session.write((trx) => applyReferences(trx, did, records, options), options.trx),
  }

  async function applyReferences(
    trx: Trx,
    did: string,
    records: ReadonlyMap<string, RecordRefs>,
    options: ApplyOptions,
  ): Promise<string[]> {
    await lockLivingAccount(trx, did)
    const namings = [...records].flatMap(([recordUri, { refs, scope }]) =>
      refs.map((ref) => ({ ...ref, recordUri, scope })),
    )
    const { met, expected } = await checkReferences(trx, did, namings, options.missing)
    // What is new first, what is gone after: a blob that moves from one record to another is never unreferenced.
    await add(trx, did, met, expected, options)
    return removeOthers(trx, did, [...records.keys()], { met, expected }, options)
  }

  async function add(trx: Trx, did: string, met: Naming[], expected: Naming[], { rev }: ApplyOptions): Promise<void> {
    for (const some of chunks(unique(met))) {
      await trx
        .insertInto('blobstore_ref')
        .values(some.map(({ cid, recordUri, scope }) => ({ did, cid, record_uri: recordUri, rev, scope })))
        .onConflict((conflict) =>
          conflict
            .columns(['did', 'cid', 'record_uri'])
            .doUpdateSet((eb) => ({ rev, scope: eb.ref('excluded.scope') })),
        )
        .execute()
      await trx
        .updateTable('blobstore_blob')
        .set({ expires_at: null })
        .where('did', '=', did)
        .where(
          'cid',
          'in',
          some.map((naming) => naming.cid),
        )
        .where('expires_at', 'is not', null)
        .execute()
    }
    for (const some of chunks(unique(expected))) {
      const rows = some.map(({ cid, recordUri, scope, mimeType, size = null }) => ({
        ...{ did, cid, record_uri: recordUri, rev, scope, mime_type: mimeType, size },
      }))
      await trx
        .insertInto('blobstore_expected')
        .values(rows)
        .onConflict((conflict) =>
          conflict.columns(['did', 'cid', 'record_uri']).doUpdateSet((eb) => ({
            rev,
            scope: eb.ref('excluded.scope'),
            mime_type: eb.ref('excluded.mime_type'),
            size: eb.ref('excluded.size'),
          })),
        )
        .execute()
    }
  }

  /** Deletes what the records named before and do not name now. Resolves with the CIDs that nothing references now. */
  async function removeOthers(
    trx: Trx,
    did: string,
    recordUris: readonly string[],
    kept: { met: Naming[]; expected: Naming[] },
    { grace }: ApplyOptions,
  ): Promise<string[]> {
    const gone = await deleteOthers(trx, 'blobstore_ref', did, recordUris, kept.met)
    await deleteOthers(trx, 'blobstore_expected', did, recordUris, kept.expected)
    const unreferenced: string[] = []
    for (const cids of chunks([...gone])) {
      // Whether or not it was the last reference: the expiry counts only while nothing references the blob.
      await trx
        .updateTable('blobstore_blob')
        .set({ expires_at: session.now(grace) })
        .where('did', '=', did)
        .where('cid', 'in', cids)
        .execute()
      unreferenced.push(...(await unreferencedAmong(trx, did, cids)))
    }
    return unreferenced
  }
}

/** Deletes the rows of these records but for those kept, and resolves with their CIDs. */
async function deleteOthers(
  trx: Trx,
  table: 'blobstore_ref' | 'blobstore_expected',
  did: string,
  recordUris: readonly string[],
  kept: readonly Naming[],
): Promise<Set<string>> {
  const keep = new Set(kept.map(identify))
  const gone = new Set<string>()
  for (const uris of chunks(recordUris)) {
    const former = await trx
      .selectFrom(table)
      .select(['cid', 'record_uri as recordUri'])
      .where('did', '=', did)
      .where('record_uri', 'in', uris)
      .execute()
    for (const naming of former.filter((naming) => !keep.has(identify(naming)))) {
      gone.add(naming.cid)
      await trx
        .deleteFrom(table)
        .where('did', '=', did)
        .where('cid', '=', naming.cid)
        .where('record_uri', '=', naming.recordUri)
        .execute()
    }
  }
  return gone
}

async function unreferencedAmong(trx: Trx, did: string, cids: readonly string[]): Promise<string[]> {
  const rows = await trx
    .selectFrom('blobstore_ref')
    .select('cid')
    .distinct()
    .where('did', '=', did)
    .where('cid', 'in', cids)
    .execute()
  const referenced = new Set(rows.map((row) => row.cid))
  return cids.filter((cid) => !referenced.has(cid))
}

const identify = ({ cid, recordUri }: { cid: string; recordUri: string }): string => `${cid} ${recordUri}`

/** A record may name a blob twice; the tables know it once. */
function unique(namings: readonly Naming[]): Naming[] {
  return [...new Map(namings.map((naming) => [identify(naming), naming])).values()]
}

export function chunks<T>(items: readonly T[]): T[][] {
  const result: T[][] = []
  for (let at = 0; at < items.length; at += chunkSize) result.push(items.slice(at, at + chunkSize))
  return result
}
