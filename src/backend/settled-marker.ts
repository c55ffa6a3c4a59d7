import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobBackend, CallOptions } from './backend.ts'

/** After so many milliseconds, all processes that were about to write a first marker have written it. */
const settles = 1000

/**
 * Claims the marker of a service that cannot refuse to replace it. Several processes may write it at once: the last one
 * counts, and each waits for it.
 */
export async function settledMarker(
  place: Pick<BlobBackend, 'readMarker' | 'writeMarker'>,
  marker: string,
  options: CallOptions,
): Promise<string> {
  const found = await place.readMarker(options)
  if (found !== null) return found
  await place.writeMarker(marker, options)
  await sleep(settles, undefined, { signal: options.signal })
  return (await place.readMarker(options)) ?? marker
}
