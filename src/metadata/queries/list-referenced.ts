import { type Expression, type ExpressionWrapper, expressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import { BlobStoreError } from '../../errors.ts'
import type { HostTransaction } from '../host-database.ts'
import type { Tables } from '../schema/tables.ts'
import type { Session } from '../session.ts'
import { firstRow, rowsOf, type Step } from '../step.ts'
import type { BlobPage } from '../types.ts'
import { isDeleted } from './account-row.ts'
import { takenDown } from './takedown-steps.ts'
import { fill, walkCids } from './walks.ts'

interface Asked {
  did: string
  /** The CID after which the page begins. */
  after: string
  limit: number
  since: string | undefined
  scope: string
}

/** Sorting up to this many references is faster than walking through the CIDs of a large account. */
const few = 5000

/** A page of the CIDs that the account's records reference in this scope; with `since`, in revisions after that one. */
export async function listReferenced(
  session: Session,
  asked: Asked,
  trx: HostTransaction | undefined,
): Promise<BlobPage<string>> {
  const { did, after, limit, since } = asked
  const page = (cids: string[]) => pageOf(cids, limit, (cid) => encodeCursor('referenced', cid, ''))
  const recent = since === undefined ? null : await session.read((db) => fewSince(db, { ...asked, since }), trx)
  if (recent !== null) return page(recent)
  const rows = await fill<{ cid: string; listed: unknown }>(
    limit + 1,
    (last, atMost) => session.read((db) => cidsAfter(db, { ...asked, after: last?.cid ?? after }, atMost), trx),
    (row) => Boolean(row.listed),
  )
  return page(rows.map((row) => row.cid))

  /** The next CIDs in order, including those that are not listed. */
  function* cidsAfter(db: Kysely<Tables>, { after, scope }: Asked, atMost: number) {
    const cid = sql.ref<string>('walk.cid')
    const cids = sql<{ cid: string; listed: unknown }>`
      with recursive ${walkCids('blobstore_ref', { did, after, atMost, scope })}
      select cid, (${isReferenced(db, { did, cid, scope, since })} and not ${isHidden(db, did, cid)}) as listed
      from walk where cid is not null order by cid`
    return yield* rowsOf(cids.compile(db))
  }
}

/** The CIDs of a page, if there are few references since that revision; null if there are many. */
function* fewSince(
  db: Kysely<Tables>,
  { did, after, limit, since, scope }: Asked & { since: string },
): Step<string[] | null> {
  const ofScope = db.selectFrom('blobstore_ref').where('did', '=', did).where('scope', '=', scope)
  const newer = ofScope.where('rev', '>', since).orderBy('rev')
  if (yield* firstRow(newer.select('rev').offset(few).limit(1))) return null
  const rows = yield* rowsOf(
    db
      // The limit, which is never reached, keeps this a separate subquery that begins at the revision.
      .selectFrom(newer.select('cid').limit(few).as('ref'))
      .select('ref.cid')
      .distinct()
      .where('ref.cid', '>', after)
      .where((eb) => eb.not(isHidden(db, did, eb.ref('ref.cid'))))
      .orderBy('ref.cid')
      .limit(limit + 1),
  )
  return rows.map((row) => row.cid)
}

const isHidden = (
  db: Kysely<Tables>,
  did: string,
  cid: Expression<string>,
): ExpressionWrapper<Tables, never, SqlBool> =>
  expressionBuilder<Tables>().or([takenDown(db, did, cid), isDeleted(db, did)])

function isReferenced(
  db: Kysely<Tables>,
  { did, cid, scope, since }: Pick<Asked, 'did' | 'scope' | 'since'> & { cid: Expression<string> },
): ExpressionWrapper<Tables, never, SqlBool> {
  const references = db
    .selectFrom('blobstore_ref as ref')
    .select('ref.cid')
    .where('ref.did', '=', did)
    .where('ref.cid', '=', cid)
    .where('ref.scope', '=', scope)
  return expressionBuilder<Tables>().exists(since === undefined ? references : references.where('ref.rev', '>', since))
}

// A cursor is the sort key of the last item, so it stays valid whatever is added or deleted. It is opaque, so that no
// client relies on its content. It names its list: the cursor of another list would begin at a wrong place without an
// error.

export type ListName =
  | 'referenced'
  | 'own'
  | 'missing'
  | 'accounts'
  | 'purges'
  | 'takedowns'
  | 'takedownsOf'
  | 'holders'

export function encodeCursor(list: ListName, ...sortKey: [string, string]): string {
  return Buffer.from(JSON.stringify([list, ...sortKey])).toString('base64url')
}

/**
 * The sort key, or null without a cursor.
 *
 * @throws `InvalidArgument` if no page of this list can have returned the cursor
 */
export function decodeCursor(list: ListName, cursor: string | undefined): [string, string] | null {
  if (cursor === undefined) return null
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor.slice(0, 20_000), 'base64url').toString())
    if (Array.isArray(parts) && parts.length === 3 && parts.every((part) => typeof part === 'string')) {
      const [name, ...sortKey] = parts
      // A text in PostgreSQL cannot contain a zero character.
      if (name === list && !sortKey.some((part) => part.includes('\0'))) return sortKey as [string, string]
    }
  } catch {
    // thrown below
  }
  throw notACursor()
}

export function notACursor(): BlobStoreError {
  return new BlobStoreError(
    'InvalidArgument',
    'Not a cursor that an earlier page of this list gave; start again without one',
  )
}

/** Makes a page of up to `limit` items. An item more than that shows that another page follows. */
export function pageOf<T>(items: T[], limit: number, cursorOf: (item: T) => string): BlobPage<T> {
  const last = items[limit - 1]
  if (items.length <= limit || last === undefined) return { items }
  return { items: items.slice(0, limit), cursor: cursorOf(last) }
}
