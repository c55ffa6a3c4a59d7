/**
 * Bytes on their way in: all at once, as a `Blob`, or in chunks. `AsyncIterable` covers Node's streams, web streams,
 * generators and the body of a `Request`; null is the body of a request that has none, and stands for no bytes.
 */
export type BlobSource = Uint8Array | Blob | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | null
