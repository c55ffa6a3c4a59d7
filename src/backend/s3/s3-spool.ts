import { createHash, type Hash } from 'node:crypto'
import { FileSpool, type FileSpoolOptions } from '../files/file-spool.ts'

/** A spool that hashes the bytes as they come also in the parts in which they may be sent. */
export class S3Spool extends FileSpool {
  readonly #partSize: number
  readonly #digests: Uint8Array[] = []
  #part: Hash = createHash('sha256')
  #inPart = 0

  constructor(partSize: number, options: FileSpoolOptions) {
    super(options)
    this.#partSize = partSize
  }

  override async write(chunks: readonly Uint8Array[]): Promise<void> {
    // First what may fail: then the hashes are of what is in the file.
    await super.write(chunks)
    for (const chunk of chunks) this.#hash(chunk)
  }

  /** Of each part, the last being what is left. To be called once, when everything was written. */
  partDigests(): Uint8Array[] {
    if (this.#inPart > 0) this.#endPart()
    return this.#digests
  }

  #hash(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; ) {
      const piece = chunk.subarray(at, at + this.#partSize - this.#inPart)
      this.#part.update(piece)
      this.#inPart += piece.byteLength
      at += piece.byteLength
      if (this.#inPart === this.#partSize) this.#endPart()
    }
  }

  #endPart(): void {
    this.#digests.push(this.#part.digest())
    this.#part = createHash('sha256')
    this.#inPart = 0
  }
}
