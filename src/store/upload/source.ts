import { BlobStoreError } from '../../errors.ts'
import { isBlob, isUint8Array } from '../../shapes.ts'

/**
 * The bytes of an upload: all at once, as a `Blob`, or in chunks. `AsyncIterable` covers Node's streams, web streams,
 * generators and the body of a `Request`; null is the body of a request without one, and means no bytes.
 */
export type BlobSource = Uint8Array | Blob | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | null

/** Bytes in memory are hashed in pieces of this size, so that other work can run in between. */
const pieceSize = 1024 * 1024

/** @throws `InvalidArgument` */
export function chunksOf(source: BlobSource): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  if (source === null) return [][Symbol.iterator]()
  if (isUint8Array(source)) return piecesOf(source)
  if (isBlob(source)) return source.stream()[Symbol.asyncIterator]()
  if (typeof source === 'object' && Symbol.asyncIterator in source) {
    return (source as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  }
  throw new BlobStoreError(
    'InvalidArgument',
    'The bytes to upload must be a Uint8Array, a Blob, a stream of Uint8Arrays (Node’s or the web’s), or null for none',
  )
}

/** A Node stream that fails before it is read must not end the process: reading it reports the error. */
export function holdError(source: BlobSource): void {
  if (isStream(source)) source.on('error', () => {})
}

function isStream(source: unknown): source is { on(event: 'error', listener: () => void): unknown } {
  return typeof source === 'object' && source !== null && 'on' in source && typeof source.on === 'function'
}

/** The properties of a Node or web stream that show whether it was read. */
interface Unread {
  readonly readableDidRead?: boolean
  readonly locked?: boolean
  destroy?(): unknown
  cancel?(): Promise<void>
}

/**
 * Closes a stream whose upload was refused before it was read, if nothing reads it within `idle` milliseconds: it may
 * hold a file or a connection. Not at once: a request whose body is closed loses its connection before the client has
 * seen the response, and the caller may pass the stream to another upload.
 */
export function closeUnread(source: BlobSource, idle: number): void {
  if (!isUnread(source)) return
  setTimeout(() => {
    if (!isUnread(source)) return
    if (source.destroy) source.destroy()
    else source.cancel?.().catch(() => {})
  }, idle).unref()
}

function isUnread(source: unknown): source is Unread {
  const { readableDidRead, locked } = (source ?? {}) as Unread
  return readableDidRead === false || locked === false
}

/** How many bytes will come, where that is certain. */
export function sizeOf(source: BlobSource): number | undefined {
  if (source === null) return 0
  if (isUint8Array(source)) return source.byteLength
  return isBlob(source) ? source.size : undefined
}

function* piecesOf(bytes: Uint8Array): Iterator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += pieceSize) yield bytes.subarray(at, at + pieceSize)
}
