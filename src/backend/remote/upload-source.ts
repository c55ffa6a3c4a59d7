import { byteCount } from '../arguments.ts'
import { type Attempt, fileError } from '../files/file-error.ts'
import { Refusal, sys } from '../files/system-calls.ts'
import type { IdleTimeout } from './idle-timeout.ts'

/** How much of a file is read at a time, in bytes. */
export const pieceSize: number = 256 * 1024

/** The bytes of one request, which can be iterated once. */
export interface UploadBody extends AsyncIterable<Uint8Array> {
  /** All chunks, if they are in memory: a sender that has them needs no stream. */
  readonly chunks?: readonly Uint8Array[] | undefined
}

/** A finished spool file, and the hash of each part if parts were hashed. */
export interface OpenSpool {
  fd: number
  size: number
  digests: readonly Uint8Array[]
}

type Bytes = { chunks: readonly Uint8Array[]; file?: never } | { file: OpenSpool; chunks?: never }

/** The bytes of one `put`, for as many requests as it takes. */
export class UploadSource {
  readonly size: number
  /** Set if the bytes are not in memory. The source closes it. */
  readonly file: OpenSpool | undefined
  readonly #chunks: readonly Uint8Array[] | undefined
  readonly #attempt: Attempt
  readonly #begun = new Set<AsyncGenerator<Uint8Array>>()

  constructor({ chunks, file }: Bytes, attempt: Attempt) {
    this.size = file ? file.size : byteCount(chunks)
    this.file = file
    this.#chunks = chunks
    this.#attempt = attempt
  }

  /**
   * All bytes, or a part of a file. If the file fails, the request ends with the file's error, which clients would not
   * report.
   */
  body(idle: IdleTimeout, start = 0, size: number = this.size): UploadBody {
    const pieces = this.#pieces(idle, start, size, () => this.#begun.delete(pieces))
    this.#begun.add(pieces)
    return { chunks: this.#chunks, [Symbol.asyncIterator]: () => pieces }
  }

  /** Ends the bodies first: a closed descriptor may already be another file's. */
  async close(): Promise<void> {
    for (const pieces of this.#begun) await pieces.return(undefined)
    if (this.file) await sys.closeRead(this.file.fd)
  }

  async *#pieces(idle: IdleTimeout, start: number, size: number, onEnd: () => void): AsyncGenerator<Uint8Array> {
    const bytes = this.file ? piecesOf(this.file.fd, start, size) : (this.#chunks ?? [])
    try {
      idle.awaitBytes()
      for await (const piece of bytes) {
        if (piece.byteLength > 0) yield piece
        idle.awaitBytes()
      }
      idle.awaitAnswer()
    } catch (error) {
      const explained = fileError(error, this.#attempt)
      idle.fail(explained)
      throw explained
    } finally {
      onEnd()
    }
  }
}

/** Throws the errors of the system calls. */
async function* piecesOf(fd: number, start: number, size: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < start + size; ) {
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceSize, start + size - at))
    const read = await sys.read(fd, piece, piece.byteLength, at)
    if (read === 0) throw new Refusal('EOF', 'the spool file became shorter while it was sent; upload the bytes again')
    at += read
    yield piece.subarray(0, read)
  }
}
