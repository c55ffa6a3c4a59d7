import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** A file to upload. Its bytes can be read any number of times, and need not fit into memory. */
export interface Media {
  name: string
  mimeType: string
  size: number
  chunks(): Iterable<Uint8Array>
}

const folder = new URL('../../../test/fixtures/media/', import.meta.url)

function file(name: string, mimeType: string): Media {
  const bytes = readFileSync(new URL(name, folder))
  return { name, mimeType, size: bytes.length, chunks: () => [bytes] }
}

// Real files, created by scripts/make-media.sh.
export const jpeg: Media = file('sunset.jpg', 'image/jpeg')
export const png: Media = file('testcard.png', 'image/png')
export const gif: Media = file('life.gif', 'image/gif')
export const webp: Media = file('mandelbrot.webp', 'image/webp')
export const mp4: Media = file('clip.mp4', 'video/mp4')
export const webm: Media = file('clip.webm', 'video/webm')

/**
 * A generated video of 50 MiB and more: the small clip, which plays, and after it a box of the type `free`, which
 * players skip, full of pseudo-random bytes. The same bytes each time.
 */
export const bigVideo: Media = {
  name: 'film.mp4',
  mimeType: 'video/mp4',
  size: mp4.size + 8 + 52 * 1024 * 1024,
  *chunks() {
    const free = Buffer.from('....free')
    free.writeUInt32BE(this.size - mp4.size)
    yield* mp4.chunks()
    yield free
    yield* noise(this.size - mp4.size - free.length)
  },
}

/** Pseudo-random bytes, always the same: the key stream of a cipher. */
export function* noise(size: number): Generator<Uint8Array> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'pds-blobstore'), Buffer.alloc(16))
  const zeros = Buffer.alloc(256 * 1024)
  for (let left = size; left > 0; left -= zeros.length) yield cipher.update(zeros.subarray(0, left))
}

export function bytesOf(media: Media, start = 0, end: number = media.size - 1): Buffer {
  const parts: Uint8Array[] = []
  let at = 0
  for (const chunk of media.chunks()) {
    parts.push(chunk.subarray(Math.max(0, start - at), Math.max(0, end + 1 - at)))
    at += chunk.length
  }
  return Buffer.concat(parts)
}

/** Compares every byte, holding no more than a chunk of each side. */
export async function assertSameBytes(actual: AsyncIterable<Uint8Array>, media: Media): Promise<void> {
  const expected = media.chunks()[Symbol.iterator]()
  let rest: Uint8Array = new Uint8Array()
  let at = 0
  for await (let chunk of actual) {
    while (chunk.length > 0) {
      if (rest.length === 0)
        rest = expected.next().value ?? assert.fail(`${media.name} is returned with too many bytes`)
      const length = Math.min(chunk.length, rest.length)
      const same = Buffer.compare(chunk.subarray(0, length), rest.subarray(0, length)) === 0
      assert.ok(same, `${media.name} differs between the bytes ${at} and ${at + length}`)
      ;[chunk, rest, at] = [chunk.subarray(length), rest.subarray(length), at + length]
    }
  }
  assert.equal(at, media.size, `${media.name} is returned with ${at} of ${media.size} bytes`)
}
