import type { BlobKey } from '../backend/key.ts'
import { untilAborted } from '../backend/until-aborted.ts'
import type { Backends } from './backends.ts'

/** How long a backend may take over one deletion, in milliseconds. */
const patience = 5 * 60_000

/**
 * Resolves with the keys that could not be deleted, and why: all of them if the backend does not answer, or if this
 * process does not have it.
 */
export async function deleteBytes(
  backends: Backends,
  backend: string,
  keys: readonly BlobKey[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<BlobKey, Error>> {
  try {
    const limit = AbortSignal.timeout(patience)
    const ends = signal ? AbortSignal.any([signal, limit]) : limit
    return await untilAborted(backends.of(backend).delete(keys, { signal: ends }), ends)
  } catch (error) {
    signal?.throwIfAborted()
    const failure = error instanceof Error ? error : new Error(String(error))
    return new Map(keys.map((key) => [key, failure]))
  }
}
