import type { BlobCid } from '../blob/cid.ts'
import type { ActorBlob } from './actor-database.ts'

/** A blob of the source whose CID is one. */
export type SourceBlob = ActorBlob & { cid: BlobCid }

/**
 * What makes the blobs of one account, once their bytes are held, what they were in the source: temporary, permanent or
 * taken down. Each step may be done again.
 */
export interface Keeper {
  /** Whether the store has the blob already, and as the source has it. */
  isDone(blob: SourceBlob): Promise<boolean>
  /** Brings a blob into the state that the source has it in. Its bytes may be missing. */
  keep(blob: SourceBlob): Promise<void>
  /** Before the bytes of a blob that is not held are taken in. */
  admit(blob: SourceBlob): Promise<void>
  /** Records name blobs of which the source has nothing, not even a row. */
  expect(uris: ReadonlySet<string>): Promise<void>
  /** Lets go of what the source no longer names. Resolves with how many records that were. */
  prune(signal: AbortSignal | undefined): Promise<number>
}
