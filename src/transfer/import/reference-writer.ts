import type { BlobCid } from '../../blob/cid.ts'
import type { BlobRow } from '../reader/questions.ts'

/**
 * What a blob is in the source. `temporary`: no record names it, and a record is still to come. `public`: a row of
 * `record_blob` names it. `space`: only tables of spaces do. `unnamed`: it is permanent, and no table that is known names it.
 */
export type Standing = 'temporary' | 'public' | 'space' | 'unnamed'

/** A blob of the source whose CID is one. */
export interface SourceBlob {
  cid: BlobCid
  mimeType: string | null
  size: number | null
  tempKey: string | null
  createdAt: string | null
  standing: Standing
  /** Why it is taken down; null when it is not. */
  takedown: string | null
  /** Whether everybody sees it unless it is taken down. */
  isPublic: boolean
}

/**
 * A temporary key does not make a blob temporary that a record names: so it is where the blob came before its repository.
 * What no record names was public in the PDS like all that is permanent, and is kept so; but where the account has
 * spaces, or what looks like them, it may be one of theirs.
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
 * What makes the blobs of one account, once their bytes are held, what they were in the source: temporary, permanent or
 * taken down. Each step may be done again.
 */
export interface ReferenceWriter {
  /** Whether the store has the blob already, and as the source has it. */
  isDone(blob: SourceBlob): Promise<boolean>
  /** Before its bytes are taken in: hides what is taken down. */
  hide(blob: SourceBlob): Promise<void>
  /** Brings a blob into the state that the source has it in. Its bytes may be missing. */
  keep(blob: SourceBlob): Promise<void>
  /** Records name blobs of which the source has nothing, not even a row. */
  expectMissing(): Promise<void>
  /** Lets go of what the source no longer names. Resolves with how many records that were. */
  prune(signal: AbortSignal | undefined): Promise<number>
}
