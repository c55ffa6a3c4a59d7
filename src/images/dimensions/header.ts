/** Bytes that can be read in parts. */
export interface Source {
  /** In bytes. */
  readonly size: number
  /** The bytes from `start` to before `end`, which are both within. */
  read(start: number, end: number): Promise<Uint8Array>
}

const windowSize = 64 * 1024
const maxWindows = 64
const maxLooks = 10_000

/**
 * Reads a file's header at a bounded cost, whatever the bytes say: at most 64 reads of 64 KiB and 10,000 accesses. Past
 * the end or these limits it returns null.
 */
export class Header {
  readonly size: number
  readonly #source: Source
  #window: { start: number; bytes: Uint8Array } = { start: 0, bytes: new Uint8Array() }
  #windows = 0
  #looks = 0

  constructor(source: Source) {
    this.#source = source
    this.size = source.size
  }

  /** `length` bytes (64 KiB at most) from `offset`. */
  async at(offset: number, length: number): Promise<DataView | null> {
    this.#looks += 1
    if (this.#looks > maxLooks || !(length >= 0 && length <= windowSize)) return null
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > this.size) return null
    if (length === 0) return new DataView(new ArrayBuffer(0))
    const { start, bytes } = this.#window
    if (offset < start || offset + length > start + bytes.byteLength) {
      this.#windows += 1
      if (this.#windows > maxWindows) return null
      const end = Math.min(offset + windowSize, this.size)
      this.#window = { start: offset, bytes: await this.#source.read(offset, end) }
    }
    const window = this.#window
    return new DataView(window.bytes.buffer, window.bytes.byteOffset + offset - window.start, length)
  }
}

/** Characters of a view, one for each byte. */
export function textAt(view: DataView, offset: number, length: number): string {
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + offset, length))
}

/** In pixels, as shown: a photograph or video with a rotation is rotated. */
export interface Dimensions {
  width: number
  height: number
}

export interface FoundDimensions extends Dimensions {
  /** The kind of file. */
  kind: 'jpeg' | 'png' | 'gif' | 'webp' | 'avif' | 'heic' | 'video'
}
