import type { BlobBackend } from '../backend/backend.ts'
import { type BlobKey, cidOfKey } from '../backend/key.ts'
import { type BlobCid, cidOfStream } from '../blob/cid.ts'

/** A key that was found in a backend. */
export interface FoundKey {
  backend: BlobBackend
  key: BlobKey
}

/** What the bytes under a key are. */
export interface FoundBytes {
  cid: BlobCid
  size: number
}

/** As their key says, without reading them; null if they are gone or cannot be opened. */
export async function bytesAt({ backend, key }: FoundKey, signal: AbortSignal | undefined): Promise<FoundBytes | null> {
  const cid = cidOfKey(key)
  if (cid === null) return null
  try {
    const object = await backend.get(key, { signal })
    await object?.body.return?.()
    return object && { cid, size: object.size }
  } catch {
    signal?.throwIfAborted()
    return null
  }
}

/** As reading them shows; null unless they match their key. Unreadable bytes must not stop the rest. */
export async function verifiedAt(
  { backend, key }: FoundKey,
  signal: AbortSignal | undefined,
): Promise<FoundBytes | null> {
  const cid = cidOfKey(key)
  if (cid === null) return null
  try {
    const object = await backend.get(key, { signal })
    return object && (await cidOfStream(object.body)) === cid ? { cid, size: object.size } : null
  } catch {
    signal?.throwIfAborted()
    return null
  }
}
