import type { Logger } from '../logger.ts'
import type { BlobKey } from './key.ts'

/**
 * Where bytes are stored. A backend knows keys and bytes only; accounts, references and types belong to the metadata.
 *
 * A key is used once and never again (see {@link BlobKey}). This keeps the contract small: nothing is overwritten, so
 * there are no versions, no conditional writes and no locks. Every method may be called concurrently, also from several
 * processes. It rejects with a `BlobStoreError` that carries the backend's name, and that is `transient` where a retry
 * can help. After an abort it rejects with `signal.reason`. A malformed key is `InvalidArgument`.
 *
 * For backend authors: `backendConformance` of `pds-blobstore/testing` tests every sentence of this contract.
 */
export interface BlobBackend {
  /**
   * The name under which rows refer to this backend. It never changes, and the backends of one store need different
   * names. 1 to 32 of `[a-z0-9-]`.
   */
  readonly name: string

  /** Where the bytes are, for people: a path or an address, without credentials. Absent where there is none. */
  readonly location?: string

  /**
   * Whether an acknowledged `put` survives a crash of the machine. If false, the store logs a warning when it opens.
   */
  readonly durable: boolean

  /**
   * Prepares the backend: creates what is missing, refuses what is unsafe, and logs what works but should be changed.
   * Called before any other method. May be called again.
   */
  open(options?: OpenOptions): Promise<void>

  /**
   * Releases all resources: bodies that are still being read reject, spools are discarded. May be called again. After
   * it only `open` is called, when the store could not be opened and tries again.
   */
  close(): Promise<void>

  /**
   * Creates a spool: a place for bytes whose key is not known yet, because the CID is known only after the last byte.
   * It is on the device where `put` stores bytes, so that `put` need not copy them.
   */
  spool(options?: CallOptions): Promise<Spool>

  /**
   * Stores bytes under a key that was never used before. When it resolves, the bytes are complete, readable by every
   * process and, where `durable`, on stable storage, both the file and its directory entry.
   *
   * When it rejects, the bytes may be there, in part or whole, now or later. The caller gives up the key and deletes
   * it. A backend never retries the same key after a response that it did not understand. `body.spool` belongs to the
   * backend from the call on, whatever the outcome. Storing a key twice is the caller's mistake; the result is
   * undefined.
   *
   * @throws `StorageFull`, and `StorageFailed` when there are more or fewer bytes than `body.size`: none are kept
   */
  put(key: BlobKey, body: PutBody, options?: CallOptions): Promise<void>

  /**
   * Opens bytes for reading, or resolves with null when the key does not exist. The size is that of the whole object,
   * as found now. The signal also applies to the body, until its end.
   *
   * @throws `InvalidRange` when `range` is not within the object
   */
  get(key: BlobKey, options?: GetOptions): Promise<BackendObject | null>

  /**
   * Returns an address in the backend. Until it expires, everyone who has the address may GET the bytes, also in
   * ranges. Does not check that the bytes exist. Absent in a backend without addresses.
   */
  presign?(key: BlobKey, options: PresignOptions): Promise<string>

  /** How many bytes more it can take, about. Absent in a backend that does not know. */
  freeBytes?(options?: CallOptions): Promise<number>

  /** Whether the key has bytes. */
  has(key: BlobKey, options?: CallOptions): Promise<boolean>

  /**
   * Deletes keys; an absent key counts as deleted. Resolves with the keys that could not be deleted, and why. Rejects
   * only when the result is unknown for all keys. Every key that is not reported as failed is gone, on stable storage
   * where `durable`: a deletion that a power cut undoes would leave bytes that no row knows. Malformed keys are
   * reported as failed too: one bad row must not keep the rest from being deleted.
   */
  delete(keys: readonly BlobKey[], options?: CallOptions): Promise<Map<BlobKey, Error>>

  /**
   * Returns one page of the keys, in an order that never changes; the backend chooses it. A key that is present from
   * the first page to the last appears exactly once; a key that appears or disappears meanwhile, at most once. The
   * cursor is valid in other processes and after a restart, and absent on the last page. A page may be empty without
   * being the last. Names that are not keys are not listed.
   */
  list(options?: ListOptions): Promise<KeyPage>

  /**
   * Deletes spools that were not written to for `olderThan` milliseconds: their processes are dead. A spool with a time
   * in the future, from a clock that ran ahead, must not stay until then. Resolves with the number of deleted spools.
   */
  sweepSpools(olderThan: number, options?: CallOptions): Promise<number>

  /**
   * Reads the marker, a short text stored beside the bytes, by which a database and its bytes recognize each other.
   * Null if none was written.
   */
  readMarker(options?: CallOptions): Promise<string | null>

  /**
   * Writes the first marker, and resolves with the marker that is there then. When several processes write at once, one
   * is first, and all resolve with its marker. On stable storage as with `writeMarker`. A service that cannot refuse to
   * overwrite is written to, waited for, and read.
   */
  claimMarker(marker: string, options?: CallOptions): Promise<string>

  /**
   * Replaces the marker. When it resolves, the marker is on stable storage, where `durable`; a crash leaves the old one
   * or the new one.
   */
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
  /**
   * The expected size of the whole object, in bytes. Only a hint, which allows a small object to be read in one
   * request. @default unknown
   */
  expectedSize?: number | undefined
}

export interface PresignOptions extends CallOptions {
  /** In seconds. */
  expiresIn: number
  /** The content type with which the address serves the bytes. */
  contentType: string
  contentDisposition: string
}

/** The file that holds an object's bytes, for a proxy that sends it in the place of this process. */
export interface BackendFile {
  /** Absolute. */
  root: string
  /** Relative to the root, with `/`. */
  path: string
}

export interface BackendObject {
  /** Size of the whole object in bytes, whatever the range. */
  readonly size: number
  /**
   * The requested bytes; can be read once. Read it to its end or call `return()`: until then it holds a file or a
   * socket. A chunk is never empty, and valid until the next one is requested. If fewer bytes come than announced, it
   * rejects, with `BlobDamaged` where the stored bytes are at fault; it never just ends.
   */
  readonly body: AsyncIterableIterator<Uint8Array>
  /** Where a proxy on the same machine finds the bytes. Absent if they are no file. */
  file?: BackendFile
}

export interface ListOptions extends CallOptions {
  /** The cursor that the previous page returned. @default from the start */
  cursor?: string | undefined
  /** The largest number of keys to return. @default 1000 */
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

/** Bytes that are being received. One writer; one `write` at a time. */
export interface Spool {
  /** Appends. The caller may reuse the chunks once it resolves. */
  write(chunks: readonly Uint8Array[]): Promise<void>
  /**
   * What was written, from `start` to before `end`, which are both within; between writes, and before `put`. The caller may
   * keep the bytes.
   */
  readBack(start: number, end: number): Promise<Uint8Array>
  /** Discards the bytes. May be called again, also after `put`. */
  discard(): Promise<void>
}
