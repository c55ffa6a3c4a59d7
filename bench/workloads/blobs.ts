import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'

const chunkSize = 64 * 1024

/** The accounts that upload, one after another: a PDS has many. */
export const accounts: readonly string[] = Array.from(
  { length: 16 },
  (_, number) =>
    `did:plc:${createHash('sha256')
      .update(`${number}`)
      .digest('hex')
      .slice(0, 24)
      .replace(/[0189]/g, 'z')}`,
)

export function accountOf(number: number): string {
  return accounts[number % accounts.length] as string
}

/** So that the type is sniffed, as that of a picture is: the usual case. */
const jpeg = Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex')

/** Blobs of one size, all different, created before the measurement; with `seed` the same ones each time. */
export class Blobs {
  readonly size: number
  readonly count: number
  readonly #memory: Buffer

  constructor(size: number, count: number, { seed = false } = {}) {
    this.size = size
    this.count = count
    this.#memory = Buffer.allocUnsafeSlow(size * count)
    const content = seed ? Buffer.alloc(size, 'the same in every process') : randomBytes(size)
    content.set(jpeg)
    for (let number = 0; number < count; number++) {
      content.writeUInt32LE(number, jpeg.length)
      this.#memory.set(content, number * size)
    }
  }

  bytes(number: number): Buffer {
    return this.#memory.subarray(number * this.size, (number + 1) * this.size)
  }

  body(number: number): Readable {
    return new Chunks(chunksOf(this.bytes(number)))
  }
}

function* chunksOf(bytes: Buffer): Iterator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize)
}

/** A Node stream like a request; `Readable.from` would be an object stream, and slower. */
export class Chunks extends Readable {
  readonly #chunks: Iterator<Uint8Array>

  constructor(chunks: Iterator<Uint8Array>) {
    super({ highWaterMark: chunkSize })
    this.#chunks = chunks
  }

  override _read(): void {
    const { done, value } = this.#chunks.next()
    this.push(done ? null : value)
  }
}
