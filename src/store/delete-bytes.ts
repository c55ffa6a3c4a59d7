import type { CallOptions } from '../backend/backend.ts'
import type { BlobKey } from '../backend/key.ts'
import { untilAborted } from '../backend/until-aborted.ts'
import { isError } from '../shapes.ts'
import type { Backends } from './backends.ts'

/** How long a backend may take over one deletion, in milliseconds. */
const patience = 5 * 60_000

/** After this it must have deleted something, or others wait in vain: a key that it may not delete fails at once. */
const slow = 2000

export interface DeletionOptions extends CallOptions {
  /**
   * The backends that did not answer in this run, or took long and deleted nothing, to which this adds: they are not
   * called again. So a run ends in bounded time, however much it has to delete from them.
   */
  down: Set<string>
}

/**
 * Resolves with the keys that could not be deleted, and why: all of them if the backend does not answer, or if this
 * process does not have it.
 */
export async function deleteBytes(
  backends: Backends,
  backend: string,
  keys: readonly BlobKey[],
  { signal, down }: DeletionOptions,
): Promise<ReadonlyMap<BlobKey, Error>> {
  const began = performance.now()
  try {
    if (down.has(backend)) throw new Error(`The backend ${backend} could delete nothing a moment ago`)
    const limit = AbortSignal.timeout(patience)
    const ends = signal ? AbortSignal.any([signal, limit]) : limit
    const deleted = backends.opened(backend).then((one) => one.delete(keys, { signal: ends }))
    const failures = await untilAborted(deleted, ends)
    if (failures.size === keys.length && performance.now() - began > slow) down.add(backend)
    return failures
  } catch (error) {
    signal?.throwIfAborted()
    down.add(backend)
    const failure = isError(error) ? error : new Error(String(error))
    return new Map(keys.map((key) => [key, failure]))
  }
}
