import type { Insertable, Kysely } from 'kysely'
import { snifferSpelling } from '../../blob/mime-refinements.ts'
import { saysSomething } from '../../blob/same-type.ts'
import { publicScope } from '../../blob/spaces.ts'
import type { AppliedReferences, ApplyOptions, NamedBy, RecordRefs, ReferenceSteps } from '../contract/references.ts'
import type { RefTable, Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { type Statement, statement } from '../statement.ts'
import { execute, type Step } from '../step.ts'
import { maxDifferingClaims } from '../types.ts'
import { lockLivingAccount } from './account-row.ts'
import { deleteFormer, type Former, hiddenAmong, identify, namedBy } from './former-references.ts'
import { keepBlobs, letGo } from './kept-blobs.ts'
import { retype } from './naming-rows.ts'
import { checkReferences, type MetNaming, type Naming, type Sorted, sortReferences } from './reference-checks.ts'
import { chunks } from './walks.ts'

type Trx = Kysely<Tables>

export function referenceSteps(session: Session): Pick<ReferenceSteps, 'applyReferences'> {
  return {
    applyReferences: (did, records, options) =>
      session.write((trx) => applyReferences(trx, did, records, options), options.trx),
  }

  function* applyReferences(
    trx: Trx,
    did: string,
    records: ReadonlyMap<string, RecordRefs>,
    options: ApplyOptions,
  ): Step<AppliedReferences> {
    yield* lockLivingAccount(trx, did)
    if (options.onlyIf && !(yield* isNamedBy(trx, did, options.onlyIf))) {
      return { applied: false, hidden: [], hiddenInSpaces: [], differing: [] }
    }
    const namings = namingsOf(records)
    const { met, expected, differing } =
      options.missing === 'expect'
        ? yield* imported(trx, did, namings)
        : { met: yield* checkReferences(trx, did, namings), expected: [], differing: [] }
    const uris = [...records.keys()]
    const former = yield* namedBy(trx, did, uris)
    yield* deleteFormer(trx, did, former)
    yield* add(trx, did, met, expected)
    yield* letGoOthers(trx, did, former.references, met, options)
    const { [publicScope]: hidden = [], ...inSpaces } = yield* hiddenByScope(trx, did, former.references)
    const hiddenInSpaces = Object.entries(inSpaces).flatMap(([space, cids]) => cids.map((cid) => ({ space, cid })))
    return { applied: true, hidden, hiddenInSpaces, differing: differing.slice(0, maxDifferingClaims) }
  }

  /** A blob that no record names yet takes the type that an imported record claims. */
  function* imported(trx: Trx, did: string, namings: readonly Naming[]): Step<Sorted> {
    const sorted = yield* sortReferences(trx, did, namings)
    const named = new Set<string>()
    let changed = false
    for (const { cid, mimeType, claimed } of sorted.met) {
      if (named.has(cid) || !saysSomething(mimeType)) continue
      named.add(cid)
      if (claimed?.mimeType == null) continue
      if (yield* retype(trx, { did, cid, mimeType: snifferSpelling(mimeType) })) changed = true
    }
    return changed ? yield* sortReferences(trx, did, namings) : sorted
  }

  function* add(trx: Trx, did: string, met: MetNaming[], expected: Naming[]): Step<void> {
    for (const some of chunks(unique(met))) {
      const rows = some.map(({ cid, recordUri, scope, rev, claimed }) => ({
        ...{ did, cid, record_uri: recordUri, rev, scope },
        claimed_type: claimed?.mimeType ?? null,
        claimed_size: claimed?.size ?? null,
      }))
      yield* insertReferences(trx, { rows })
      yield* keepBlobs(trx, { did, cids: some.map((naming) => naming.cid) })
    }
    for (const some of chunks(unique(expected))) {
      const rows = some.map(({ cid, recordUri, scope, rev, mimeType, size = null }) => ({
        ...{ did, cid, record_uri: recordUri, rev, scope, mime_type: mimeType, size },
      }))
      yield* execute(trx.insertInto('blobstore_expected').values(rows))
    }
  }

  /**
   * Makes blobs temporary again that the records named before and no longer name, unless other records reference them.
   */
  function* letGoOthers(
    trx: Trx,
    did: string,
    former: readonly Former[],
    met: readonly Naming[],
    { grace }: ApplyOptions,
  ): Step<void> {
    const kept = new Set(met.map((naming) => naming.cid))
    const gone = new Set(former.map((naming) => naming.cid).filter((cid) => !kept.has(cid)))
    for (const cids of chunks([...gone])) yield* letGo(trx, { did, cids }, session.now(grace))
  }
}

/**
 * Of the CIDs that these records referenced before: those that no record in the same scope references now, by scope.
 */
function* hiddenByScope(trx: Trx, did: string, former: readonly Former[]): Step<Record<string, string[]>> {
  const hidden: Record<string, string[]> = {}
  for (const [scope, namings] of Map.groupBy(former, (naming) => naming.scope)) {
    hidden[scope] = yield* hiddenAmong(
      trx,
      did,
      scope,
      namings.map((naming) => naming.cid),
    )
  }
  return hidden
}

/** Called under the account's lock, so its references do not change before this transaction ends. */
function* isNamedBy(trx: Trx, did: string, { cid, recordUris }: NamedBy): Step<boolean> {
  const uris = new Set(recordUris)
  const { rows } = yield* findRecords(trx, { did, cid, atMost: uris.size + 1 })
  return rows.length === uris.size && rows.every((row) => uris.has(row.record_uri))
}

const findRecords = statement((db, { did, cid, atMost }: { did: string; cid: string; atMost: number }) =>
  db.selectFrom('blobstore_ref').select('record_uri').where('did', '=', did).where('cid', '=', cid).limit(atMost),
)

export const insertReferences: Statement<{ rows: Insertable<RefTable>[] }, unknown> = statement((db, { rows }) =>
  db.insertInto('blobstore_ref').values(rows),
)

export function namingsOf(records: ReadonlyMap<string, RecordRefs>): Naming[] {
  return [...records].flatMap(([recordUri, { refs, scope, rev }]) =>
    refs.map((ref) => ({ ...ref, recordUri, scope, rev })),
  )
}

/** A record may name a blob twice; the tables store it once. */
function unique<T extends Naming>(namings: readonly T[]): T[] {
  return [...new Map(namings.map((naming) => [identify(naming), naming])).values()]
}
