import { type BlobCid, type CidLike, parseBlobCid } from '../blob/cid.ts'
import { assertDid } from '../blob/did.ts'
import { visibleScopes } from '../blob/scope.ts'
import { assertTid } from '../blob/tid.ts'
import { BlobStoreError } from '../errors.ts'
import type { Account, BlobCounts, BlobStat, MissingBlob, Page, Usage } from '../metadata/facts.ts'
import type { PageRequest } from '../metadata/metadata.ts'
import { assertOptions } from '../options.ts'
import type { ListBlobsOptions, PageOptions, QueryOptions } from './calls.ts'
import type { StoreContext } from './context.ts'

// What is asked of the metadata alone. Each checks what it was given, for nobody behind it does.

const queryOptions = ['trx', 'signal'] as const
const pageOptions = [...queryOptions, 'limit', 'cursor'] as const

export async function list(
  { metadata }: StoreContext,
  did: string,
  options: ListBlobsOptions = {},
): Promise<Page<BlobCid>> {
  const page = pageRequest('list', did, options, [...pageOptions, 'since', 'scopes'])
  const { since } = options
  const scopes = visibleScopes('list', options.scopes)
  if (since !== undefined) assertTid('list: since', since)
  return metadata.listReferenced(did, { ...page, since, scopes })
}

export async function listOwn(
  { metadata }: StoreContext,
  did: string,
  options: PageOptions = {},
): Promise<Page<BlobStat>> {
  return metadata.listOwn(did, pageRequest('listOwn', did, options, pageOptions))
}

export async function listMissing(
  { metadata }: StoreContext,
  did: string,
  options: PageOptions = {},
): Promise<Page<MissingBlob>> {
  return metadata.listMissing(did, pageRequest('listMissing', did, options, pageOptions))
}

export async function accounts({ metadata }: StoreContext, options: PageOptions = {}): Promise<Page<Account>> {
  return metadata.listAccounts(page('accounts', options, pageOptions))
}

export async function counts({ metadata }: StoreContext, did: string, options: QueryOptions = {}): Promise<BlobCounts> {
  return metadata.counts(did, query('counts', did, options))
}

export async function usage({ metadata }: StoreContext, did: string, options: QueryOptions = {}): Promise<Usage> {
  return metadata.usage(did, query('usage', did, options))
}

export async function recordsFor(
  { metadata }: StoreContext,
  did: string,
  cid: CidLike,
  options: QueryOptions = {},
): Promise<string[]> {
  return metadata.recordsFor(did, parseBlobCid(cid), query('recordsFor', did, options))
}

function query(what: string, did: string, options: QueryOptions): Pick<QueryOptions, 'trx'> {
  assertDid(did)
  assertOptions(what, options, queryOptions)
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
    throw new BlobStoreError('InvalidArgument', `${what}: limit must be a whole number from 1 to 1000`)
  }
  if (cursor !== undefined && typeof cursor !== 'string') {
    throw new BlobStoreError('InvalidArgument', `${what}: cursor must be what an earlier page gave`)
  }
  return { limit, cursor, trx }
}
