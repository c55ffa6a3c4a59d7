import type { BlobCid } from '../../blob/cid.ts'
import type { BlobRow } from '../reader/questions.ts'

/**
 * The status of a blob in the source. `temporary`: no record references it, and a record may follow. `public`: a row of
 * `record_blob` references it. `space`: only tables of spaces do. `unnamed`: it is permanent, and no known table
 * references it.
 */
export type Standing = 'temporary' | 'public' | 'space' | 'unnamed'

/** A blob of the source with a valid CID. */
export interface SourceBlob {
  cid: BlobCid
  mimeType: string | null
  size: number | null
  tempKey: string | null
  createdAt: string | null
  standing: Standing
  /** Why it is taken down; null if it is not. */
  takedown: string | null
  /** Whether everybody may see it unless it is taken down. */
  isPublic: boolean
}

/**
 * A blob with a temporary key that a record references is permanent: this happens when the blob came before its
 * repository. A permanent blob that no record references was public in the PDS, like all permanent ones, and stays so;
 * but if the account has spaces, or tables like theirs, it may belong to one.
 */
export function sourceBlob(row: BlobRow & { cid: BlobCid }, mayHaveSpaces: boolean): SourceBlob {
  const { cid, mimeType, size, tempKey, createdAt, takedownRef, isTakenDown } = row
  const standing = standingOf(row)
  return {
    ...{ cid, mimeType, size, tempKey, createdAt, standing },
    takedown: isTakenDown ? (takedownRef ?? '') : null,
    isPublic: standing === 'public' || (standing === 'unnamed' && !mayHaveSpaces),
  }
}

function standingOf({ isPublic, isInSpace, isTemporary }: BlobRow): Standing {
  if (isPublic) return 'public'
  if (isInSpace) return 'space'
  return isTemporary ? 'temporary' : 'unnamed'
}

/**
 * Gives the blobs of one account, once their bytes are held, the status that they had in the source: temporary,
 * permanent or taken down. Each step may be repeated.
 */
export interface ReferenceWriter {
  /** Whether the store already has the blob, in the source's state. */
  isDone(blob: SourceBlob): Promise<boolean>
  /** Before its bytes are stored: hides what is taken down. */
  hide(blob: SourceBlob): Promise<void>
  /** Brings a blob into its state in the source. Its bytes may be missing. */
  keep(blob: SourceBlob): Promise<void>
  /** For records that reference blobs of which the source has nothing, not even a row. */
  expectMissing(): Promise<void>
  /** Forgets what the source no longer references. Resolves with the number of records. */
  prune(signal: AbortSignal | undefined): Promise<number>
}
