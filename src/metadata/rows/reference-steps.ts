import type { Kysely } from 'kysely'
import type { ApplyOptions, ReferenceSteps, WantedRef } from '../metadata.ts'
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
}

export function referenceSteps(session: Session): ReferenceSteps {
  return {
    applyReferences: (did, records, options) =>
      session.write((trx) => applyReferences(trx, did, records, options), options.trx),
  }

  async function applyReferences(
    trx: Trx,
    did: string,
    records: ReadonlyMap<string, readonly WantedRef[]>,
    options: ApplyOptions,
  ): Promise<void> {
    await lockLivingAccount(trx, did)
    const namings = [...records].flatMap(([recordUri, refs]) => refs.map((ref) => ({ ...ref, recordUri })))
    const { met, expected } = await checkReferences(trx, did, namings, options.missing)
    // What is new first, what is gone after: a blob that moves from one record to another is never unreferenced.
    await add(trx, did, met, expected, options)
    await removeOthers(trx, did, [...records.keys()], { met, expected }, options)
  }

  async function add(trx: Trx, did: string, met: Naming[], expected: Naming[], { rev }: ApplyOptions): Promise<void> {
    const scope = 'public'
    for (const some of chunks(unique(met))) {
      await trx
        .insertInto('blobstore_ref')
        .values(some.map(({ cid, recordUri }) => ({ did, cid, record_uri: recordUri, rev, scope })))
        .onConflict((conflict) => conflict.columns(['did', 'cid', 'record_uri']).doUpdateSet({ rev, scope }))
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
      const rows = some.map(({ cid, recordUri, mimeType, size = null }) => ({
        ...{ did, cid, record_uri: recordUri, rev, scope, mime_type: mimeType, size },
      }))
      await trx
        .insertInto('blobstore_expected')
        .values(rows)
        .onConflict((conflict) =>
          conflict.columns(['did', 'cid', 'record_uri']).doUpdateSet((eb) => ({
            rev,
            scope,
            mime_type: eb.ref('excluded.mime_type'),
            size: eb.ref('excluded.size'),
          })),
        )
        .execute()
    }
  }

  /** Deletes what the records named before and do not name now. */
  async function removeOthers(
    trx: Trx,
    did: string,
    recordUris: readonly string[],
    kept: { met: Naming[]; expected: Naming[] },
    { grace }: ApplyOptions,
  ): Promise<void> {
    const keptRefs = new Set(kept.met.map(identify))
    const keptExpected = new Set(kept.expected.map(identify))
    for (const uris of chunks(recordUris)) {
      const former = await trx
        .selectFrom('blobstore_ref')
        .select(['cid', 'record_uri as recordUri'])
        .where('did', '=', did)
        .where('record_uri', 'in', uris)
        .execute()
      const gone = former.filter((naming) => !keptRefs.has(identify(naming)))
      for (const { cid, recordUri } of gone) {
        await trx
          .deleteFrom('blobstore_ref')
          .where('did', '=', did)
          .where('cid', '=', cid)
          .where('record_uri', '=', recordUri)
          .execute()
      }
      // Whether or not it was the last: the expiry counts only while nothing references the blob.
      for (const some of chunks([...new Set(gone.map((naming) => naming.cid))])) {
        await trx
          .updateTable('blobstore_blob')
          .set({ expires_at: session.now(grace) })
          .where('did', '=', did)
          .where('cid', 'in', some)
          .execute()
      }
      const formerExpected = await trx
        .selectFrom('blobstore_expected')
        .select(['cid', 'record_uri as recordUri'])
        .where('did', '=', did)
        .where('record_uri', 'in', uris)
        .execute()
      for (const { cid, recordUri } of formerExpected.filter((naming) => !keptExpected.has(identify(naming)))) {
        await trx
          .deleteFrom('blobstore_expected')
          .where('did', '=', did)
          .where('cid', '=', cid)
          .where('record_uri', '=', recordUri)
          .execute()
      }
    }
  }
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
