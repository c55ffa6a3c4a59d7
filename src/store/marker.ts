import type { BlobBackend } from '../backend/backend.ts'
import { isEpoch } from '../backend/key.ts'
import { BlobStoreError } from '../errors.ts'
import type { Identity } from '../metadata/contract/identity.ts'
import type { Backends } from './backends.ts'
import { lease } from './process-lease.ts'

/** What a backend says about the database whose bytes it has. */
export interface Marker {
  id: string
  epoch: number
  /** Which copy of the database uses the bytes, and until when: a copy has the same id. */
  place?: string
  until?: number
}

/**
 * What this database writes, over the marker that was found. A marker that is ahead keeps its epoch: it shows that the
 * database was restored.
 */
export const markerOf = ({ id, epoch, place, now }: Identity, found: Marker | null = null): Marker => ({
  id,
  epoch: Math.max(epoch, found?.epoch ?? 0),
  ...(place !== null && { place, until: now + lease }),
})

/** Null if there is none. @throws `StoreMismatch` if it cannot be read */
export async function readMarker(backend: BlobBackend): Promise<Marker | null> {
  return parseMarker(await backend.readMarker(), backend.name)
}

/** As {@link readMarker}, of each. */
export async function readMarkers({ all }: Pick<Backends, 'all'>): Promise<Map<BlobBackend, Marker | null>> {
  const markers = new Map<BlobBackend, Marker | null>()
  for (const backend of all) markers.set(backend, await readMarker(backend))
  return markers
}

/** The epoch of the newest marker, 0 if there is none. */
export const newestOf = (markers: Iterable<Marker | null>): number =>
  Math.max(0, ...[...markers].map((marker) => marker?.epoch ?? 0))

/** Null if there is none. @throws `StoreMismatch` if it cannot be read */
export function parseMarker(text: string | null, backend: string): Marker | null {
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    if (isMarker(value)) return value
  } catch {
    // reported below
  }
  throw mismatch(
    backend,
    'its object `marker`, which says to which database it belongs, cannot be read. Restore it from a backup',
  )
}

function isMarker(value: unknown): value is Marker {
  if (typeof value !== 'object' || value === null) return false
  const { id, epoch, place, until }: Partial<Record<keyof Marker, unknown>> = value
  if (typeof id !== 'string' || !isEpoch(epoch)) return false
  return (place === undefined || typeof place === 'string') && (until === undefined || Number.isSafeInteger(until))
}

/** The error for a backend whose marker, or lack of one, shows that it is not this database's. */
export function mismatch(backend: string, why: string): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `The backend ${backend} does not belong to this database: ${why}. Nothing was changed`,
    {
      backend,
    },
  )
}
