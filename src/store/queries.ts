import { type BlobCid, type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid, assertTid } from '../blob/identifiers.ts'
import { assertSpaceUri, publicScope, type SpaceUri, scopeOf } from '../blob/spaces.ts'
import type { TakedownRecord } from '../metadata/contract/accounts.ts'
import type { PurgeRecord } from '../metadata/contract/purges.ts'
import type { ListRequest, PageRequest } from '../metadata/contract/queries.ts'
import type {
  AccountEntry,
  AccountUsage,
  BlobHolder,
  BlobLocation,
  BlobPage,
  BlobStat,
  ImportProgress,
  MissingBlob,
} from '../metadata/types.ts'
import { assertOptions, assertWhole, booleanOf, invalidArgument } from '../options.ts'
import type {
  ListBlobsOptions,
  ListMissingOptions,
  ListTakedownsOptions,
  PageOptions,
  QueryOptions,
  RecordsForOptions,
  RepositoryOptions,
} from './calls.ts'
import type { StoreContext } from './context.ts'

// Calls that only query the metadata. Each checks its arguments, because the metadata does not.

const queryOptions = ['trx', 'signal'] as const
const pageOptions = [...queryOptions, 'limit', 'cursor'] as const

export async function listPublic(
  { metadata }: StoreContext,
  did: string,
  options: ListBlobsOptions = {},
): Promise<BlobPage<BlobCid>> {
  return metadata.listReferenced(did, listRequest('listPublic', did, publicScope, options))
}

export async function listSpace(
  { metadata }: StoreContext,
  did: string,
  space: SpaceUri,
  options: ListBlobsOptions = {},
): Promise<BlobPage<BlobCid>> {
  assertSpaceUri('listSpace', space)
  return metadata.listReferenced(did, listRequest('listSpace', did, scopeOf(space), options))
}

export async function listAll(
  { metadata }: StoreContext,
  did: string,
  options: PageOptions = {},
): Promise<BlobPage<BlobStat>> {
  return metadata.listAll(did, pageRequest('listAll', did, options, pageOptions))
}

export async function listMissing(
  { metadata }: StoreContext,
  did: string,
  options: ListMissingOptions = {},
): Promise<BlobPage<MissingBlob>> {
  const page = pageRequest('listMissing', did, options, [...pageOptions, 'space'])
  return metadata.listMissing(did, { ...page, scope: repositoryOf('listMissing', options) })
}

export async function listAccounts(
  { metadata }: StoreContext,
  options: PageOptions = {},
): Promise<BlobPage<AccountEntry>> {
  return metadata.listAccounts(page('listAccounts', options, pageOptions))
}

export async function listPurges(
  { metadata }: StoreContext,
  options: PageOptions = {},
): Promise<BlobPage<PurgeRecord>> {
  return metadata.listPurges(page('listPurges', options, pageOptions))
}

export async function listTakedowns(
  { metadata }: StoreContext,
  options: ListTakedownsOptions = {},
): Promise<BlobPage<TakedownRecord>> {
  const asked = page('listTakedowns', options, [...pageOptions, 'cid', 'quarantined'])
  const quarantined = booleanOf('listTakedowns: quarantined', options.quarantined)
  const cid = options.cid === undefined ? undefined : parseBlobCid(options.cid)
  return metadata.listTakedowns({ ...asked, cid, quarantined })
}

export async function listHolders(
  { metadata }: StoreContext,
  cid: CidLike,
  options: PageOptions = {},
): Promise<BlobPage<BlobHolder>> {
  return metadata.listHolders(parseBlobCid(cid), page('listHolders', options, pageOptions))
}

export async function locate(
  { metadata }: StoreContext,
  cid: CidLike,
  options: QueryOptions = {},
): Promise<BlobLocation | null> {
  assertOptions('locate', options, queryOptions)
  options.signal?.throwIfAborted()
  return metadata.locate(parseBlobCid(cid), { trx: options.trx })
}

export async function importProgress(
  { metadata }: StoreContext,
  did: string,
  options: RepositoryOptions = {},
): Promise<ImportProgress> {
  const { trx } = query('importProgress', did, options, ['space'])
  return metadata.importProgress(did, { trx, scope: repositoryOf('importProgress', options) })
}

export async function usage(
  { metadata }: StoreContext,
  did: string,
  options: QueryOptions = {},
): Promise<AccountUsage> {
  return metadata.usage(did, query('usage', did, options))
}

export async function recordsFor(
  { metadata }: StoreContext,
  did: string,
  cid: CidLike,
  options: RecordsForOptions = {},
): Promise<string[]> {
  const { trx } = query('recordsFor', did, options, ['limit'])
  const { limit } = options
  if (limit !== undefined) assertWhole('recordsFor: limit', limit, 1)
  return metadata.recordsFor(did, parseBlobCid(cid), { trx, limit })
}

/** The scope of the requested repository; undefined for all. */
function repositoryOf(what: string, { space }: RepositoryOptions): string | undefined {
  if (space !== undefined && space !== null) assertSpaceUri(`${what}: space`, space)
  return space === undefined ? undefined : scopeOf(space)
}

function listRequest(what: string, did: string, scope: string, options: ListBlobsOptions): ListRequest {
  const { since } = options
  const page = pageRequest(what, did, options, [...pageOptions, 'since'])
  if (since !== undefined) assertTid(`${what}: since`, since)
  return { ...page, since, scope }
}

function query(
  what: string,
  did: string,
  options: QueryOptions,
  others: readonly string[] = [],
): Pick<QueryOptions, 'trx'> {
  assertDid(did)
  assertOptions(what, options, [...queryOptions, ...others])
  options.signal?.throwIfAborted()
  return { trx: options.trx }
}

function pageRequest(what: string, did: string, options: PageOptions, known: readonly string[]): PageRequest {
  assertDid(did)
  return page(what, options, known)
}

function page(what: string, options: PageOptions, known: readonly string[]): PageRequest {
  assertOptions(what, options, known)
  options.signal?.throwIfAborted()
  const { limit = 500, cursor, trx } = options
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1000) {
    throw invalidArgument(what, 'limit must be a whole number from 1 to 1000')
  }
  if (cursor !== undefined && typeof cursor !== 'string') {
    throw invalidArgument(what, 'cursor must be what an earlier page returned')
  }
  return { limit, cursor, trx }
}
