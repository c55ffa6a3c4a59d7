import type { BlobBackend } from '../backend/backend.ts'
import { isEmpty } from '../backend/pages.ts'
import { BlobStoreError } from '../errors.ts'
import { alarm } from '../logger.ts'
import type { StoreContext } from './context.ts'

interface Marker {
  id: string
  epoch: number
}

type Parties = Pick<StoreContext, 'backends' | 'metadata' | 'logger'>

/**
 * Checks that the database and the bytes belong together and are of one age, then begins the next epoch. When the
 * bytes are ahead, the database was restored from the past and has forgotten uploads: from then on nothing is
 * deleted, and the epoch stands still, so that the next opening finds the same. Resolves with the epoch.
 *
 * @throws `StoreMismatch`
 */
export async function recognise(parties: Parties): Promise<number> {
  const { backends, metadata, logger } = parties
  // The markers before the database: what another process moves between the two looks then only makes the database newer.
  const markers = new Map<BlobBackend, Marker | null>()
  for (const backend of backends.all) markers.set(backend, parseMarker(await backend.readMarker(), backend.name))
  const { id, epoch, restored } = await metadata.identity()
  for (const [backend, marker] of markers) {
    if (marker !== null) assertSame(backend, marker.id, id)
    else if (await metadata.hasContent(backend.name)) {
      // Unless another process opened the store for the first time, and uploaded, between the two looks.
      if ((await backend.readMarker()) !== null) return recognise(parties)
      throw mismatch(
        backend.name,
        'the database names bytes in it, but it is empty. Is its disk mounted, and is it the right folder or bucket? If its ' +
          'bytes are lost, put them back from a backup first',
      )
    } else {
      await claim(backend, { id, epoch: 0 })
    }
  }
  const newest = Math.max(0, ...[...markers.values()].map((marker) => marker?.epoch ?? 0))
  if (!restored && newest <= epoch) return beginEpoch(parties)
  await metadata.markRestored()
  alarm(
    logger,
    { backends: backends.names, databaseEpoch: epoch, backendEpoch: newest },
    'The database is older than its bytes, as after restoring a backup: nothing is deleted until the store is recovered (docs/operations.md, Restore)',
  )
  return Math.max(epoch, newest)
}

/**
 * Puts the first marker into a backend that has none, or meets the one that another process has put there meanwhile.
 *
 * @throws `StoreMismatch` where another database was quicker, or there are bytes: whose they are nobody can say
 */
async function claim(backend: BlobBackend, mine: Marker): Promise<void> {
  // Where another process of this database has begun to upload, there is a marker by now.
  if (!(await isEmpty(backend)) && (await backend.readMarker()) === null) {
    throw mismatch(
      backend.name,
      'it holds blobs, and no `marker` that says to which database. Put it back from a backup',
    )
  }
  const first = parseMarker(await backend.claimMarker(JSON.stringify(mine)), backend.name)
  if (first !== null) assertSame(backend, first.id, mine.id)
}

function assertSame({ name }: BlobBackend, theirs: string, id: string): void {
  if (theirs === id) return
  throw mismatch(
    name,
    `it holds the bytes of another database (its store is ${theirs}, the database’s ${id}). ` +
      'Give the database and the folder or bucket that were used together',
  )
}

/** The database first, durably, then the markers: one that is behind is harmless. Resolves with the epoch. */
async function beginEpoch(parties: Parties): Promise<number> {
  await parties.metadata.nextEpoch()
  return writeEpoch(parties)
}

/** Another process may move the epoch, and write its marker, between: so until both are the same. */
export async function writeEpoch({ backends, metadata }: Pick<Parties, 'backends' | 'metadata'>): Promise<number> {
  let { id, epoch } = await metadata.identity()
  while (true) {
    const marker = JSON.stringify({ id, epoch } satisfies Marker)
    for (const backend of backends.all) {
      // Only its own is replaced: the id in a marker never changes.
      const found = parseMarker(await backend.readMarker(), backend.name)
      if (found !== null) assertSame(backend, found.id, id)
      await backend.writeMarker(marker)
    }
    const now = await metadata.identity()
    if (now.epoch === epoch) return epoch
    epoch = now.epoch
  }
}

/** The newest epoch that the bytes remember, 0 when there is none. */
export async function readMarkerEpoch({ backends }: Pick<Parties, 'backends'>): Promise<number> {
  let newest = 0
  for (const backend of backends.all) {
    const marker = parseMarker(await backend.readMarker(), backend.name)
    newest = Math.max(newest, marker?.epoch ?? 0)
  }
  return newest
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
  throw mismatch(
    backend,
    'its object `marker`, which says to which database it belongs, cannot be read. Put it back from a backup',
  )
}

function mismatch(backend: string, why: string): BlobStoreError {
  return new BlobStoreError(
    'StoreMismatch',
    `The backend ${backend} does not belong to this database: ${why}. Nothing was changed`,
    {
      backend,
    },
  )
}
