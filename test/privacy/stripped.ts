import { Buffer } from 'node:buffer'
import type { Change } from '../../src/privacy.ts'
import { type PrivateDataFound, type PrivateDataOptions, privateData } from '../../src/privacy.ts'
import { alice } from '../support/samples.ts'

/** What a rule makes of a file, and what it says of it. */
export async function examined(
  bytes: Uint8Array,
  options: PrivateDataOptions = {},
): Promise<{ changes: readonly Change[]; found: PrivateDataFound[] }> {
  const found: PrivateDataFound[] = []
  const changes = await privateData({ ...options, onFound: (one) => found.push(one) }).examine({
    did: alice,
    size: bytes.byteLength,
    read: async (start, end) => bytes.subarray(start, end),
    signal: new AbortController().signal,
  })
  return { changes, found }
}

export async function stripped(bytes: Uint8Array, options: PrivateDataOptions = {}): Promise<Buffer> {
  const { changes } = await examined(bytes, options)
  const pieces: Uint8Array[] = []
  let at = 0
  for (const { start, end, bytes: given, fill } of changes) {
    if (start < at || end < start || end > bytes.byteLength) throw new Error('the changes overlap, or are out of order')
    pieces.push(bytes.subarray(at, start), given)
    if (fill !== undefined) pieces.push(Buffer.alloc(end - start - given.byteLength, fill))
    at = end
  }
  return Buffer.concat([...pieces, bytes.subarray(at)])
}

/** What was found in a file, as words: `Exif (place)`. */
export async function partsOf(bytes: Uint8Array, options: PrivateDataOptions = {}): Promise<string[]> {
  const { found } = await examined(bytes, options)
  return found.flatMap(({ parts }) => parts.map(({ name, place }) => (place ? `${name} (place)` : name)))
}
