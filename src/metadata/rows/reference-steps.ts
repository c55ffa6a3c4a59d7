import type { Insertable, Kysely } from 'kysely'
import { snifferSpelling } from '../../blob/mime-refinements.ts'
import { saysSomething } from '../../blob/same-type.ts'
import type { AppliedReferences, ApplyOptions, NamedBy, RecordRefs, ReferenceSteps, WantedRef } from '../metadata.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'
import type { RefTable, Tables } from '../tables.ts'
import { lockLivingAccount } from './account-row.ts'
import { chunks } from './chunks.ts'
import { toldClaims } from './expected-rows.ts'
import { deleteOthers, type Former, hiddenAmong, identify, namedBy } from './former-references.ts'
import { checkReferences, type MetNaming, type Sorted, sortReferences } from './reference-checks.ts'
import { retype } from './retype.ts'

type Trx = Kysely<Tables>

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
  ): Promise<AppliedReferences> {
    await lockLivingAccount(trx, did)
    if (options.onlyIf && !(await isNamedBy(trx, did, options.onlyIf))) {
      return { applied: false, hidden: [], differing: [] }
    }
    const namings = [...records].flatMap(([recordUri, { refs, scope }]) =>
      refs.map((ref) => ({ ...ref, recordUri, scope })),
    )
    const { met, expected, differing } =
      options.missing === 'expect'
        ? await imported(trx, did, namings)
        : { met: await checkReferences(trx, did, namings), expected: [], differing: [] }
    const uris = [...records.keys()]
    const former = await namedBy(trx, did, uris)
    // What is new first, what is gone after: a blob that moves from one record to another is never unreferenced.
    await add(trx, did, met, expected, options)
    await removeOthers(trx, did, former.references, met, options)
    await deleteOthers(trx, 'blobstore_expected', did, former.expected, expected)
    const hidden = await hiddenAmong(trx, did, former.references)
    return { applied: true, hidden, differing: differing.slice(0, toldClaims) }
  }

  /** What an imported record says of a blob that no record names yet is the type that the blob has from here on. */
  async function imported(trx: Trx, did: string, namings: readonly Naming[]): Promise<Sorted> {
    const sorted = await sortReferences(trx, did, namings)
    const named = new Set<string>()
    let changed = false
    for (const { cid, mimeType, claimed } of sorted.met) {
      if (named.has(cid) || !saysSomething(mimeType)) continue
      named.add(cid)
      if (claimed?.mimeType == null) continue
      if (await retype(trx, { did, cid, mimeType: snifferSpelling(mimeType) })) changed = true
    }
    return changed ? sortReferences(trx, did, namings) : sorted
  }

  async function add(
    trx: Trx,
    did: string,
    met: MetNaming[],
    expected: Naming[],
    { rev }: ApplyOptions,
  ): Promise<void> {
    for (const some of chunks(unique(met))) {
      const rows = some.map(({ cid, recordUri, scope, claimed }) => ({
        ...{ did, cid, record_uri: recordUri, rev, scope },
        claimed_type: claimed?.mimeType ?? null,
        claimed_size: claimed?.size ?? null,
      }))
      await insertReferences(trx, { rows, rev })
      await makePermanent(trx, { did, cids: some.map((naming) => naming.cid) })
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

  /** Deletes the references that the records had before and have no longer. */
  async function removeOthers(
    trx: Trx,
    did: string,
    former: readonly Former[],
    kept: readonly Naming[],
    { grace }: ApplyOptions,
  ): Promise<void> {
    const keep = new Set(kept.map(identify))
    const gone = former.filter((naming) => !keep.has(identify(naming)))
    // Before they go, and whether or not they are the last: it counts only while nothing references the blob.
    for (const cids of chunks([...new Set(gone.map((naming) => naming.cid))])) {
      await trx
        .updateTable('blobstore_blob')
        .set({ expires_at: session.now(grace) })
        .where('did', '=', did)
        .where('cid', 'in', cids)
        .execute()
    }
    await deleteOthers(trx, 'blobstore_ref', did, former, kept)
  }
}

/** Asked under the account's lock: nobody changes its references before this transaction ends. */
async function isNamedBy(trx: Trx, did: string, { cid, recordUris }: NamedBy): Promise<boolean> {
  const { rows } = await findRecords(trx, { did, cid })
  const uris = new Set(recordUris)
  return rows.length === uris.size && rows.every((row) => uris.has(row.record_uri))
}

const findRecords = statement((db, { did, cid }: { did: string; cid: string }) =>
  db.selectFrom('blobstore_ref').select('record_uri').where('did', '=', did).where('cid', '=', cid),
)

const insertReferences = statement((db, { rows, rev }: { rows: Insertable<RefTable>[]; rev: string }) =>
  db
    .insertInto('blobstore_ref')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['did', 'cid', 'record_uri']).doUpdateSet((eb) => ({
        rev,
        scope: eb.ref('excluded.scope'),
        claimed_type: eb.ref('excluded.claimed_type'),
        claimed_size: eb.ref('excluded.claimed_size'),
      })),
    ),
)

const makePermanent = statement((db, { did, cids }: { did: string; cids: string[] }) =>
  db
    .updateTable('blobstore_blob')
    .set({ expires_at: null, was_referenced: 1 })
    .where('did', '=', did)
    .where('cid', 'in', cids)
    .where('expires_at', 'is not', null),
)

/** A record may name a blob twice; the tables know it once. */
function unique<T extends Naming>(namings: readonly T[]): T[] {
  return [...new Map(namings.map((naming) => [identify(naming), naming])).values()]
}
