import { Readable } from 'node:stream'
import { pieceSize, piecesOf } from '../files/file-pieces.ts'
import type { Patience } from '../patience.ts'
import { SpoolFailure } from './s3-error.ts'
import type { Service } from './service.ts'

/** Bytes for one request, which can be had again for the next attempt. */
export interface ObjectBody {
  readonly size: number
  readonly sha256: Uint8Array
  /** What the SDK sends. A stream tells the patience of every piece that goes. */
  open(patience: Patience, service: Service): Uint8Array | Readable
}

export function bytesInMemory(chunks: readonly Uint8Array[], size: number, sha256: Uint8Array): ObjectBody {
  const [only] = chunks
  const bytes = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
  return { size, sha256, open: () => bytes }
}

/** A part of a file, or all of it. The descriptor is the caller's, and is open for as long as the body is used. */
export function bytesOfFile(fd: number, start: number, size: number, sha256: Uint8Array): ObjectBody {
  // An empty stream is no body for the SDK.
  if (size === 0) return bytesInMemory([], 0, sha256)
  return { size, sha256, open: (patience, service) => streamOf(fd, start, size, patience, service) }
}

function streamOf(fd: number, start: number, size: number, patience: Patience, service: Service): Readable {
  const { socketTimeout, requestTimeout } = service.limits
  async function* pieces(): AsyncGenerator<Uint8Array> {
    patience.heard(socketTimeout)
    for await (const piece of piecesOf(fd, start, size)) {
      yield piece
      patience.heard(socketTimeout)
    }
    patience.heard(requestTimeout)
  }
  const stream = Readable.from(pieces(), { objectMode: false, highWaterMark: pieceSize })
  // The SDK pipes, which passes no error on: the request would wait for bytes that never come.
  stream.once('error', (cause) => patience.fail(new SpoolFailure('A spool file failed', { cause })))
  return stream
}
