import type { Logger } from '../logger.ts'
import type { BlobKey } from './key.ts'

/**
 * Where bytes live. A backend knows keys and bytes; accounts, references and types are the metadata's business.
 *
 * Keys are unique for ever (see {@link BlobKey}), which is what makes the contract small: nothing is overwritten,
 * so there are no versions, no conditional writes and no locks. Every method may be called concurrently, from
 * several processes too, and rejects with a `BlobStoreError` that carries the backend's name and is `transient`
 * where trying again can help. An abort rejects with `signal.reason`. What is not a key is `InvalidArgument`.
 *
 * Backend authors: `backendConformance` of `pds-blobstore/testing` runs every sentence of this contract.
 */
export interface BlobBackend {
  /** What rows call this backend, for ever: two backends of one store need two names. 1 to 32 of `[a-z0-9-]`. */
  readonly name: string

  /** Where it is, for people: a path or an address, without credentials. Absent where there is nothing to say. */
  readonly location?: string

  /**
   * Whether an acknowledged `put` survives a crash of the machine. A backend that cannot promise it says so here,
   * and the store warns when it opens.
   */
  readonly durable: boolean

  /**
   * Makes the place ready: creates what is missing, refuses what is unsafe, and tells the logger of what works but is
   * not as it should be. Called before anything else, and harmless when called again.
   */
  open(options?: OpenOptions): Promise<void>

  /**
   * Releases what `open` and the calls took: bodies that are still being read reject, spools are discarded. Harmless
   * when called again. Nothing else is called afterwards but `open`, where the store could not be opened and is tried again.
   */
  close(): Promise<void>

  /**
   * A place for bytes whose key is not known yet, because the CID is known only with the last byte. On the device
   * where `put` wants them, so that taking them over costs no copy.
   */
  spool(options?: CallOptions): Promise<Spool>

  /**
   * Stores the bytes under a key that was never used before. When it resolves the bytes are complete, readable by
   * every process and, where `durable`, on stable storage: file and directory entry.
   *
   * When it rejects nothing may be assumed: the bytes may be there, in part or whole, now or later. The caller
   * gives the key up and deletes it; a backend never tries the same key again after an answer it did not understand.
   * `body.spool` belongs to the backend from the call on, whatever its outcome. Putting a key twice is the caller's
   * mistake, and what happens then is undefined.
   *
   * @throws `StorageFull`, and `StorageFailed` when there are more or fewer bytes than `body.size`: none are kept
   */
  put(key: BlobKey, body: PutBody, options?: CallOptions): Promise<void>

  /**
   * Opens bytes for reading, or null when there is no such key. The size is that of the whole object, as found now.
   * The signal holds for the body too, to its end.
   *
   * @throws `InvalidRange` when `range` does not lie within it
   */
  get(key: BlobKey, options?: GetOptions): Promise<BackendObject | null>

  /**
   * An address in the backend. Anyone who has it may GET the bytes, ranges too, until it expires. Whether there are
   * any is not looked up. Absent in a backend without addresses.
   */
  presign?(key: BlobKey, options: PresignOptions): Promise<string>

  /** Whether there are bytes under the key. */
  has(key: BlobKey, options?: CallOptions): Promise<boolean>

  /**
   * Deletes keys; one that is absent was deleted. Resolves with the keys that could not be deleted and why, and
   * rejects only when nothing can be said about any. What was not reported as failed is gone, on stable storage
   * where `durable`: a deletion that a power cut undoes would leave bytes that no row knows. What is not a key is
   * reported with the others: one bad row must not keep the rest from being deleted.
   */
  delete(keys: readonly BlobKey[], options?: CallOptions): Promise<Map<BlobKey, Error>>

  /**
   * One page of the keys, in an order of the backend's own that never changes. A key present from the first page to
   * the last appears exactly once; one that comes or goes meanwhile at most once. The cursor is valid in another
   * process and after a restart, and absent on the last page. A page may be empty and not the last.
   * Names that are not keys are not listed.
   */
  list(options?: ListOptions): Promise<KeyPage>

  /**
   * Deletes spools that nothing has written to for `olderThan` milliseconds: their processes are dead. One of which the time
   * lies in the future, by a clock that ran ahead, must not stay until then.
   * Resolves with how many there were.
   */
  sweepSpools(olderThan: number, options?: CallOptions): Promise<number>

  /** A short text kept beside the bytes, by which a database and its bytes know each other; null before the first. */
  readMarker(options?: CallOptions): Promise<string | null>

  /**
   * Writes the first marker, and resolves with the one that is there then. Of several that are written at once, by any
   * processes, one is the first: all resolve with it. On stable storage as with `writeMarker`. A service that cannot
   * refuse to replace is written to, waited for, and read.
   */
  claimMarker(marker: string, options?: CallOptions): Promise<string>

  /** Replaces the marker. When it resolves it is on stable storage, where `durable`; a crash leaves the old or the new. */
  writeMarker(marker: string, options?: CallOptions): Promise<void>
}

export interface CallOptions {
  signal?: AbortSignal | undefined
}

export interface OpenOptions extends CallOptions {
  /** @default silent */
  logger?: Logger | undefined
}

/** Both ends inclusive, as in HTTP: `{ start: 0, end: 0 }` is the first byte. */
export interface ByteRange {
  start: number
  end: number
}

export interface GetOptions extends CallOptions {
  /** @default the whole object */
  range?: ByteRange | undefined
  /** How many bytes the whole object should have: only a hint, by which a small one may be had in one go. @default unknown */
  expectedSize?: number | undefined
}

export interface PresignOptions extends CallOptions {
  /** In seconds. */
  expiresIn: number
  /** What the answers there say of the bytes. */
  contentType: string
  contentDisposition: string
}

export interface BackendObject {
  /** Of the whole object, in bytes, whatever the range. */
  readonly size: number
  /**
   * The bytes asked for, once. Read it to its end or call `return()`: it holds a file or a socket until then.
   * A chunk is never empty, and valid until the next one is asked for. Fewer bytes than were announced are an error,
   * `BlobDamaged` where the bytes are at fault, and never just an end.
   */
  readonly body: AsyncIterableIterator<Uint8Array>
}

export interface ListOptions extends CallOptions {
  /** What the page before gave. @default from the start */
  cursor?: string | undefined
  /** How many keys at most. @default 1000 */
  limit?: number | undefined
}

export interface KeyPage {
  keys: BlobKey[]
  cursor?: string
}

/** Bytes of known size and hash, in memory or in a spool of the same backend. */
export type PutBody = { readonly size: number; readonly sha256: Uint8Array } & (
  | { readonly chunks: readonly Uint8Array[]; readonly spool?: never }
  | { readonly spool: Spool; readonly chunks?: never }
)

/** Bytes on their way in. One writer; one `write` at a time. */
export interface Spool {
  /** Appends. The chunks may be reused once it resolves. */
  write(chunks: readonly Uint8Array[]): Promise<void>
  /** Throws the bytes away. Harmless when called again, and after `put` took them. */
  discard(): Promise<void>
}
