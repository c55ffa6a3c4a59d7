import type { BlobBackend } from '../backend/backend.ts'
import { isEmpty } from '../backend/pages.ts'
import { BlobStoreError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { alarm } from '../logger.ts'
import type { Identity, StoreIdentity } from '../metadata/contract/identity.ts'
import type { Metadata } from '../metadata/metadata.ts'
import type { Backends } from './backends.ts'
import { type Marker, markerOf, mismatch, newestOf, parseMarker, readMarker, readMarkers } from './marker.ts'
import { lease } from './process-lease.ts'

/** A database, and the backends that its rows name. */
export interface Parties {
  readonly backends: Backends
  readonly metadata: Metadata
  readonly logger: Logger
}

/**
 * Checks that the database and the bytes belong together and are of the same age, then begins the next epoch. If the
 * bytes are ahead, the database was restored from an older state and has forgotten uploads: from then on nothing is
 * deleted, and the epoch does not change, so that the next opening finds the same. Resolves with the epoch.
 *
 * @throws `StoreMismatch`
 */
export async function verifyIdentity(parties: Parties): Promise<number> {
  const { backends, metadata } = parties
  // The markers are read before the database: what another process changes in between can then only make the database
  // newer.
  const markers = await readMarkers(backends)
  const identity = await metadata.identity()
  const { epoch, restored } = identity
  for (const [backend, marker] of markers) {
    if (marker !== null) await assertOwn(metadata, backend, marker, identity)
    else if (await metadata.hasContent(backend.name)) {
      // Unless another process opened the store for the first time, and uploaded, in between.
      if ((await backend.readMarker()) !== null) return verifyIdentity(parties)
      throw mismatch(
        backend.name,
        'the database names bytes in it, but it is empty. Is its disk mounted, and is it the right folder or bucket? If its ' +
          'bytes are lost, put them back from a backup first',
      )
    } else {
      await claim(metadata, backend, identity)
    }
  }
  const newest = newestOf(markers.values())
  if (!restored && newest <= epoch) {
    if (newest > 0 && newest < epoch - 1) warnOfOlderBytes(parties, epoch, newest)
    // The database first, durably, then the markers: a marker that is behind is harmless.
    await metadata.nextEpoch(epoch)
    return writeEpoch(parties)
  }
  await noteRestored(parties, epoch, newest)
  return Math.max(epoch, newest)
}

async function noteRestored({ backends, metadata, logger }: Parties, epoch: number, newest: number): Promise<void> {
  await metadata.markRestored()
  alarm(
    logger,
    { backends: backends.names, databaseEpoch: epoch, backendEpoch: newest },
    'The database is older than its bytes, as after restoring a backup: nothing is deleted until the store is recovered (pds-blobstore/docs/operations.md, Restore)',
  )
}

/**
 * As {@link verifyIdentity}, before a copy of the database is recorded as complete.
 *
 * @throws `StoreRestored` if the database has forgotten uploads: a copy of it must not be restored
 */
export async function verifyWholeIdentity(parties: Parties): Promise<number> {
  const epoch = await verifyIdentity(parties)
  if (!(await parties.metadata.identity()).restored) return epoch
  throw new BlobStoreError(
    'StoreRestored',
    'The database is older than the bytes in the backend: it has forgotten uploads, and a copy of it would too. Recover first',
  )
}

/**
 * Writes the first marker into a backend that has none, or accepts the one that another process has written meanwhile.
 *
 * @throws `StoreMismatch` if another database was first, or there are bytes, whose owner is unknown
 */
async function claim(metadata: StoreIdentity, backend: BlobBackend, identity: Identity): Promise<void> {
  // If another process of this database has begun to upload, there is a marker by now.
  if (!(await isEmpty(backend)) && (await backend.readMarker()) === null) {
    throw mismatch(
      backend.name,
      'it holds blobs, but no `marker` that says to which database they belong. Restore the marker from a backup',
    )
  }
  const mine = JSON.stringify(markerOf({ ...identity, epoch: 0 }))
  const first = parseMarker(await backend.claimMarker(mine), backend.name)
  if (first !== null) await assertOwn(metadata, backend, first, identity)
}

/** @throws `StoreMismatch` for the marker of another database, or of a copy of this one that is in use */
async function assertOwn(
  metadata: StoreIdentity,
  backend: BlobBackend,
  marker: Marker,
  { id, place, now }: Identity,
): Promise<void> {
  assertSame(backend, marker.id, id)
  const { place: theirs, until = 0 } = marker
  if (theirs === undefined || place === null || theirs === place || until <= now) return
  // No process claims them for longer than a lease, so one of the two clocks is, or was, wrong. A living process writes
  // another end within a lease, whatever its clock shows; one that has not is dead.
  const isOff = until > now + lease
  const end = isOff ? (await metadata.sameSince(backend.name, `${theirs} ${until}`)) + lease : until
  if (end <= now) return
  throw new BlobStoreError(
    'StoreMismatch',
    `The backend ${backend.name} is in use by another copy of this database. Give a copy its own bytes: it does not know what was ` +
      'uploaded since it was made, and its sweep would delete that. If this is the only one, restored or moved, and the processes ' +
      `of the other were killed: wait ${Math.ceil((end - now) / 1000)} s. Nothing was changed`,
    { backend: backend.name, transient: true },
  )
}

function assertSame({ name }: BlobBackend, theirs: string, id: string): void {
  if (theirs === id) return
  throw mismatch(
    name,
    `it holds the bytes of another database (its store is ${theirs}, the database’s ${id}). ` +
      'Give the database and the folder or bucket that were used together',
  )
}

/**
 * A crash between the two leaves the marker one behind. Markers that are further behind were mostly restored from a
 * backup.
 */
function warnOfOlderBytes({ backends, logger }: Parties, databaseEpoch: number, backendEpoch: number): void {
  alarm(
    logger,
    { backends: backends.names, databaseEpoch, backendEpoch },
    'The bytes are older than the database, as after restoring them from a backup: what was uploaded since may be missing. A scrub ' +
      'reports what is (pds-blobstore/docs/operations.md, Scrub)',
  )
}

/** Another process may change the epoch, and write its marker, in between: so repeat until both are the same. */
export async function writeEpoch({ backends, metadata }: Pick<Parties, 'backends' | 'metadata'>): Promise<number> {
  let identity = await metadata.identity()
  while (true) {
    for (const backend of backends.all) {
      // Only its own marker is replaced: the id in a marker never changes.
      const found = await readMarker(backend)
      if (found !== null) await assertOwn(metadata, backend, found, identity)
      await backend.writeMarker(JSON.stringify(markerOf(identity, found)))
    }
    const now = await metadata.identity()
    if (now.epoch === identity.epoch) return now.epoch
    identity = now
  }
}

/**
 * Records in the markers that this database uses the bytes, for the length of a lease; when the last process leaves,
 * removes that. Begins the next epoch with it: a copy that was made before is older than the bytes from then on, whoever
 * made it. Writes nothing while half of the lease is left. Notices, as {@link verifyIdentity} does, that the database was
 * put back meanwhile. Does nothing for a database that nothing tells from its copies.
 *
 * @throws the first failure, after the rest was done: a backend that is down, or a database that takes no commits, must
 *   not let other bytes look free. `StoreMismatch` if a backend belongs to another by now
 */
export async function keepMarkers(parties: Parties, as: 'stay' | 'leave'): Promise<void> {
  const { backends, metadata } = parties
  if ((await metadata.identity()).place === null) return
  const failures: unknown[] = []
  const attempt = <T>(work: Promise<T>): Promise<T | null> =>
    work.catch((error: unknown) => {
      failures.push(error)
      return null
    })
  const found = new Map<BlobBackend, Marker | null>()
  for (const backend of backends.all) found.set(backend, await attempt(readMarker(backend)))
  const identity = await metadata.identity()
  const own: [BlobBackend, Marker][] = []
  for (const [backend, marker] of found) {
    const isOwn = marker && (await attempt(assertOwn(metadata, backend, marker, identity).then(() => true)))
    if (isOwn) own.push([backend, marker])
  }
  const newest = newestOf(own.map(([, marker]) => marker))
  if (!identity.restored && newest > identity.epoch) await attempt(noteRestored(parties, identity.epoch, newest))

  const due = own.filter(([, marker]) => (as === 'stay' ? isStale(marker, identity) : isHeld(marker, identity)))
  // A power cut may undo a commit that is not durable, and then the database would seem to be restored. Markers that could
  // not be written are behind already.
  const begins = due.length > 0 && newest === identity.epoch && (identity.durable || as === 'leave')
  const epoch = (begins ? await attempt(metadata.nextEpoch(identity.epoch)) : null) ?? identity.epoch
  for (const [backend, marker] of due) {
    const renewed = markerOf({ ...identity, epoch }, marker)
    await attempt(backend.writeMarker(JSON.stringify(as === 'stay' ? renewed : { ...renewed, until: 0 })))
  }
  if (failures.length > 0) throw failures[0]
}

const isHeld = (marker: Marker, mine: Identity): boolean => marker.place === mine.place

function isStale(marker: Marker, mine: Identity): boolean {
  const left = (marker.until ?? 0) - mine.now
  return !(isHeld(marker, mine) && left > lease / 2 && left <= lease)
}
