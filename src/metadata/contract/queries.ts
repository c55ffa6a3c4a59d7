import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { InTransaction } from '../host-database.ts'
import type {
  AccountEntry,
  AccountUsage,
  BlobHolder,
  BlobLocation,
  BlobPage,
  BlobStat,
  BlobViewer,
  ImportProgress,
  MissingBlob,
} from '../types.ts'

/** Queries. */
export interface BlobQueries {
  /** One query: everything that a read needs, or null if `as` cannot see the blob. */
  resolve(did: string, cid: BlobCid, options: ResolveOptions): Promise<ResolvedBlob | null>
  listReferenced(did: string, options: ListRequest): Promise<BlobPage<BlobCid>>
  listAll(did: string, options: PageRequest): Promise<BlobPage<BlobStat>>
  listMissing(did: string, options: PageRequest & RepositoryRequest): Promise<BlobPage<MissingBlob>>
  importProgress(did: string, options: RepositoryRequest): Promise<ImportProgress>
  /** At most `limit`; all without one. */
  recordsFor(did: string, cid: BlobCid, options: { limit?: number | undefined } & InTransaction): Promise<string[]>
  usage(did: string, options: InTransaction): Promise<AccountUsage>
  listAccounts(options: PageRequest): Promise<BlobPage<AccountEntry>>
  listHolders(cid: BlobCid, options: PageRequest): Promise<BlobPage<BlobHolder>>
  locate(cid: BlobCid, options: InTransaction): Promise<BlobLocation | null>
}

export interface ResolveOptions extends InTransaction {
  as: BlobViewer
  /** The scope in which a record must reference the blob; null if none needs to. */
  scope: string | null
}

export interface ResolvedBlob extends BlobStat {
  key: BlobKey
  backend: string
  /** Whether its bytes were found damaged or missing, and not replaced since. */
  damaged: boolean
}

export interface ListRequest extends PageRequest {
  since: string | undefined
  scope: string
}

/** One of the account's repositories, or all of them. */
export interface RepositoryRequest extends InTransaction {
  scope: string | undefined
}

export interface PageRequest extends InTransaction {
  limit: number
  cursor: string | undefined
}
