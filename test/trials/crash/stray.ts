import { createHash } from 'node:crypto'
import { keyOf, newGeneration } from '../../../src/backend/key.ts'
import type { Content } from './contents.ts'
import type { Place } from './place.ts'

/** Stores bytes that no row knows, under a new key. Resolves with the key. */
export async function plantStray(place: Place, { bytes, cid }: Content): Promise<string> {
  const backend = place.backend()
  await backend.open()
  const key = keyOf(cid, newGeneration(1))
  const sha256 = createHash('sha256').update(bytes).digest()
  await backend.put(key, { size: bytes.byteLength, sha256, chunks: [bytes] })
  await backend.close()
  return key
}
