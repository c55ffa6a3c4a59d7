/** Smaller chunks are packed together. */
const small = 16 * 1024
const packSize = 64 * 1024

/**
 * Chunks as they arrived, without copying, except for small ones after the first: a chunk of one byte may hold a buffer
 * of 64 KiB that its sender reads into, and a slow sender could fill the memory with them.
 */
export class ChunkList {
  size = 0
  #chunks: Uint8Array[] = []
  #pack: Uint8Array | null = null
  #packed = 0

  push(chunk: Uint8Array): void {
    this.size += chunk.byteLength
    if (chunk.byteLength >= small || (this.#chunks.length === 0 && this.#pack === null)) {
      this.#closePack()
      this.#chunks.push(chunk)
      return
    }
    if (this.#pack && this.#packed + chunk.byteLength > packSize) this.#closePack()
    this.#pack ??= Buffer.allocUnsafeSlow(packSize)
    this.#pack.set(chunk, this.#packed)
    this.#packed += chunk.byteLength
  }

  /** Returns all chunks in order; the list is empty afterwards. */
  take(): Uint8Array[] {
    this.#closePack()
    const chunks = this.#chunks
    this.#chunks = []
    this.size = 0
    return chunks
  }

  #closePack(): void {
    if (this.#pack && this.#packed > 0) this.#chunks.push(this.#pack.subarray(0, this.#packed))
    this.#pack = null
    this.#packed = 0
  }
}
