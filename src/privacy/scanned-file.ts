import type { ExaminedUpload } from '../store/privacy.ts'

/** What a file says that makes it impossible to search. The message continues "it cannot be searched: ". */
export class Unsearchable extends Error {}

/** In bytes: what a search reads at once. */
const windowSize = 64 * 1024

/** More than any real file needs: a video of a day has some ten thousand. */
const mostSteps = 300_000

/** A file of unknown honesty. Each read is within the file, and there are at most so many, whatever it says. */
export class ScannedFile {
  readonly size: number
  /** Whether anybody asks which parts name places: that takes reading them whole. */
  readonly asksPlaces: boolean
  readonly #upload: Pick<ExaminedUpload, 'size' | 'read'>
  #steps = 0

  constructor(upload: Pick<ExaminedUpload, 'size' | 'read'>, { asksPlaces }: { asksPlaces: boolean }) {
    this.#upload = upload
    this.asksPlaces = asksPlaces
    this.size = upload.size
  }

  /**
   * `length` bytes from `offset`, valid until the next call.
   *
   * @throws `Unsearchable` if the file ends before
   */
  async at(offset: number, length: number): Promise<DataView> {
    const bytes = await this.bytes(offset, length)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  }

  /** The same, as bytes. */
  async bytes(offset: number, length: number): Promise<Uint8Array> {
    this.#steps += 1
    if (this.#steps > mostSteps) throw new Unsearchable('it has too many parts')
    const isWithin = Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && offset + length <= this.size
    if (!isWithin) throw new Unsearchable('it ends early')
    return await this.#upload.read(offset, offset + length)
  }

  /** The same, as one character for each byte; shorter at the end of the range. */
  async text(offset: number, length: number, end: number): Promise<string> {
    return Buffer.from(await this.bytes(offset, Math.max(Math.min(length, end - offset), 0))).toString('latin1')
  }

  /** The bytes from `start` to before `end`, window by window, each with its offset. */
  async *windows(start: number, end: number, overlap = 0): AsyncGenerator<{ at: number; bytes: Uint8Array }> {
    for (let at = start; at < end; at += windowSize) {
      yield { at, bytes: await this.bytes(at, Math.min(windowSize + overlap, end - at)) }
    }
  }

  /** Whether the bytes from `start` to before `end` are `bytes`, and `fill` to the end. */
  async has(start: number, end: number, bytes: Uint8Array, fill = 0): Promise<boolean> {
    if (end - start < bytes.byteLength) return false
    if (Buffer.compare(await this.bytes(start, bytes.byteLength), bytes) !== 0) return false
    for await (const window of this.windows(start + bytes.byteLength, end)) {
      if (!window.bytes.every((byte) => byte === fill)) return false
    }
    return true
  }
}
