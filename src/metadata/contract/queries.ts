import type { BlobKey } from '../../backend/key.ts'
import type { BlobCid } from '../../blob/cid.ts'
import type { InTransaction } from '../host-database.ts'
import type {
  AccountEntry,
  AccountUsage,
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
  listPublic(did: string, options: ListRequest): Promise<BlobPage<BlobCid>>
  listAll(did: string, options: PageRequest): Promise<BlobPage<BlobStat>>
  listMissing(did: string, options: PageRequest): Promise<BlobPage<MissingBlob>>
  importProgress(did: string, options: InTransaction): Promise<ImportProgress>
  recordsFor(did: string, cid: BlobCid, options: InTransaction): Promise<string[]>
  usage(did: string, options: InTransaction): Promise<AccountUsage>
  listAccounts(options: PageRequest): Promise<BlobPage<AccountEntry>>
}

export interface ResolveOptions extends InTransaction {
  as: BlobViewer
  /** Scopes whose references make a blob visible to the public. */
  scopes: readonly string[]
}

export interface ResolvedBlob extends BlobStat {
  key: BlobKey
  backend: string
}

export interface ListRequest extends PageRequest {
  since: string | undefined
  scopes: readonly string[]
}

export interface PageRequest extends InTransaction {
  limit: number
  cursor: string | undefined
}
