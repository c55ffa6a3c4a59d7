import { BlobStoreError } from '../errors.ts'
import type { StoreContext } from './context.ts'

interface Marker {
  id: string
  epoch: number
}

type Parties = Pick<StoreContext, 'backend' | 'metadata' | 'logger'>

/**
 * Checks that the database and the bytes belong together and are of one age, then begins the next epoch. When the
 * bytes are ahead, the database was restored from the past and has forgotten uploads: from then on nothing is
 * deleted, and the epoch stands still, so that the next opening finds the same. Resolves with the epoch.
 *
 * @throws `StoreMismatch`
 */
export async function recognise({ backend, metadata, logger }: Parties): Promise<number> {
  // The marker before the database: what another process moves between the two looks then only makes the database newer.
  const marker = parseMarker(await backend.readMarker(), backend.name)
  const { id, epoch, restored } = await metadata.identity()
  if (marker === null) {
    if (await metadata.hasContent(backend.name)) {
      // Unless another process opened the store for the first time, and uploaded, between the two looks.
      if ((await backend.readMarker()) !== null) return recognise({ backend, metadata, logger })
      throw mismatch(
        backend.name,
        'the database names bytes in it, but it is empty: a wrong folder or bucket, or a disk that is not mounted',
      )
    }
  } else if (marker.id !== id) {
    throw mismatch(
      backend.name,
      `it holds the bytes of another database (its store is ${marker.id}, the database’s ${id})`,
    )
  } else if (restored || marker.epoch > epoch) {
    await metadata.markRestored()
    logger.error(
      { backend: backend.name, databaseEpoch: epoch, backendEpoch: marker.epoch },
      'The database is older than its bytes, as after restoring a backup: collecting and sweeping are off until the store is recovered',
    )
    return Math.max(epoch, marker.epoch)
  }
  return beginEpoch({ backend, metadata })
}

/** The database first, durably, then the marker: a marker that is behind is harmless. Resolves with the epoch. */
export async function beginEpoch({ backend, metadata }: Pick<Parties, 'backend' | 'metadata'>): Promise<number> {
  await metadata.nextEpoch()
  return writeEpoch({ backend, metadata })
}

/** Another process may move the epoch, and write its marker, between: so until both are the same. */
export async function writeEpoch({ backend, metadata }: Pick<Parties, 'backend' | 'metadata'>): Promise<number> {
  let { id, epoch } = await metadata.identity()
  while (true) {
    await backend.writeMarker(JSON.stringify({ id, epoch } satisfies Marker))
    const now = await metadata.identity()
    if (now.epoch === epoch) return epoch
    epoch = now.epoch
  }
}

/** The epoch that the bytes remember, 0 when there is none. */
export async function readMarkerEpoch({ backend }: Pick<Parties, 'backend'>): Promise<number> {
  return parseMarker(await backend.readMarker(), backend.name)?.epoch ?? 0
}

function parseMarker(text: string | null, backend: string): Marker | null {
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'id' in value && 'epoch' in value) {
      const { id, epoch } = value
      if (typeof id === 'string' && Number.isSafeInteger(epoch)) return { id, epoch: epoch as number }
    }
  } catch {
    // told below
  }
  throw mismatch(backend, 'its marker cannot be read')
}

function mismatch(backend: string, why: string): BlobStoreError {
  return new BlobStoreError('StoreMismatch', `The backend ${backend} does not belong to this database: ${why}`, {
    backend,
  })
}
