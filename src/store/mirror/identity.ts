import { randomUUID } from 'node:crypto'
import type { BlobBackend } from '../../backend/backend.ts'
import { isEpoch } from '../../backend/key.ts'
import { isEmpty, pagesOf } from '../../backend/pages.ts'
import { BlobStoreError } from '../../errors.ts'
import { alarm, type Logger } from '../../logger.ts'
import type { Identity } from '../../metadata/contract/identity.ts'
import type { MirrorSteps } from '../../metadata/contract/mirror.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import { lease } from '../process-lease.ts'

/**
 * Says whose mirror this is. It has another form than the marker of a store's own bytes, so that neither is taken for the
 * other.
 */
interface MirrorMarker {
  /** The store's id. */
  mirrorOf: string
  /** The mirror's own: a store that loses its mirror begins another one. */
  mirror: string
  epoch: number
  /** Which copy of the database uses the mirror, and until when. */
  place?: string
  until?: number
}

/** Rows of one transaction: few, because SQLite blocks all other writers meanwhile. */
const rowBatch = 500

interface Parties {
  backend: BlobBackend
  metadata: Metadata
  logger: Logger
}

/**
 * Checks that this is the store's mirror, or makes it that if it is empty and the store has none. Resolves with its id,
 * and with the error of a mirror that is full, or mounted read-only: it can be read all the same.
 *
 * @throws `StoreMismatch`: nothing was written then
 */
export async function verifyMirror({ backend, metadata, logger }: Parties): Promise<{
  id: string
  unwritable: { error: unknown } | null
}> {
  // The marker before the database, as for the store's own bytes: then the database can only be newer.
  const found = parse(await backend.readMarker())
  const [identity, steps] = [await metadata.identity(), await metadata.mirror()]
  const known = await steps.mirrorId()
  const marker = found ?? (await claim(backend, identity, known))
  // As after a restore from before this mirror was begun: what the rows say of a former one is of no use.
  const isNewer = known !== marker.mirror && marker.epoch > identity.epoch
  assertOwn(marker, identity, isNewer ? marker.mirror : known)
  if (marker.epoch > identity.epoch && !identity.restored) {
    await metadata.markRestored()
    alarm(
      logger,
      { databaseEpoch: identity.epoch, mirrorEpoch: marker.epoch },
      'The database is older than the mirror, as after restoring both database and bytes: nothing is deleted until the store is recovered (pds-blobstore/docs/disaster.md)',
    )
  }
  if (isNewer) await adoptAll(backend, steps)
  // The marker first, and the copies: if this stops in between, the next process does the same again.
  if (known !== marker.mirror && !(await steps.setMirrorId(marker.mirror))) {
    throw mismatch('Another process has begun another mirror for this store. Give all processes the same one')
  }
  const { id, place, now } = identity
  const mine: MirrorMarker = {
    ...{ mirrorOf: id, mirror: marker.mirror, epoch: Math.max(marker.epoch, identity.epoch) },
    ...(place !== null && { place, until: now + lease }),
  }
  const unwritable = await backend.writeMarker(JSON.stringify(mine)).then(
    () => null,
    (error: unknown) => ({ error }),
  )
  return { id: marker.mirror, unwritable }
}

/** When the last process leaves, as for the store's own bytes. Does nothing if another copy of the database has it now. */
export async function leaveMirror({ backend, metadata }: Omit<Parties, 'logger'>): Promise<void> {
  const found = parse(await backend.readMarker())
  const { id, place, epoch } = await metadata.identity()
  if (found?.mirrorOf !== id || place === null || found.place !== place) return
  await backend.writeMarker(JSON.stringify({ ...found, epoch: Math.max(found.epoch, epoch), until: 0 }))
}

/** The epoch in the mirror's marker, 0 if there is none. */
export async function readMirrorEpoch(backend: BlobBackend): Promise<number> {
  return parse(await backend.readMarker())?.epoch ?? 0
}

/**
 * Lets the store begin with an empty place, after its mirror was lost: forgets what was copied. If that stopped half way,
 * the next call goes on.
 *
 * @throws `StoreMismatch` if the place is not empty
 */
export async function beginMirror({ backend, metadata }: Omit<Parties, 'logger'>): Promise<void> {
  const found = parse(await backend.readMarker())
  if (!(await isEmpty(backend))) {
    throw mismatch('A new mirror begins in an empty folder or bucket, and this one is not empty')
  }
  const [identity, steps] = [await metadata.identity(), await metadata.mirror()]
  if (found) assertOwn(found, identity, found.mirror)
  const { mirror } = found ?? (await claim(backend, identity, null))
  await takeOver(steps, mirror)
}

/** Forgets the copies of a former mirror, and adopts what this one holds. */
async function adoptAll(backend: BlobBackend, steps: MirrorSteps): Promise<void> {
  await takeOver(steps, null)
  for await (const { keys } of pagesOf(backend)) {
    for (let at = 0; at < keys.length; at += rowBatch) await steps.adoptUnknown(keys.slice(at, at + rowBatch))
  }
}

async function takeOver(steps: MirrorSteps, mirror: string | null): Promise<void> {
  while (!(await steps.replaceMirror(mirror, rowBatch)));
}

async function claim(backend: BlobBackend, { id, epoch }: Identity, known: string | null): Promise<MirrorMarker> {
  if (known !== null) {
    throw mismatch(
      'The mirror is empty, but the database knows copies in it. Is its disk mounted, and is it the right folder or bucket? If it is lost, begin a new one with `pds-blobstore mirror --new`',
    )
  }
  if (!(await isEmpty(backend))) {
    throw mismatch('The mirror holds bytes, but no `marker` that says whose. Give an empty folder or bucket')
  }
  const mine: MirrorMarker = { mirrorOf: id, mirror: randomUUID(), epoch }
  return parse(await backend.claimMarker(JSON.stringify(mine))) ?? mine
}

function assertOwn(
  { mirrorOf, mirror, place, until = 0 }: MirrorMarker,
  identity: Identity,
  known: string | null,
): void {
  const { id, now } = identity
  if (mirrorOf !== id) throw mismatch(`The mirror is that of another store (${mirrorOf}, this is ${id})`)
  if (known !== null && mirror !== known) {
    throw mismatch(
      'The mirror is another one than the database knows: an older one of this store? Give the one that it had',
    )
  }
  if (
    place === undefined ||
    identity.place === null ||
    place === identity.place ||
    until <= now ||
    until > now + lease
  ) {
    return
  }
  throw mismatch(
    'The mirror is in use by another copy of this database. Give a copy a mirror of its own. If this is the only one, ' +
      `restored or moved: wait ${Math.ceil((until - now) / 1000)} s`,
    true,
  )
}

function parse(text: string | null): MirrorMarker | null {
  if (text === null) return null
  let value: Partial<Record<keyof MirrorMarker | 'id', unknown>> = {}
  try {
    value = JSON.parse(text)
  } catch {
    // reported below
  }
  if (typeof value?.id === 'string') {
    throw mismatch(
      'The mirror is a place where a store keeps its own bytes. Give the mirror an empty folder or bucket of its own',
    )
  }
  if (typeof value?.mirrorOf === 'string' && typeof value.mirror === 'string' && isEpoch(value.epoch)) {
    return value as MirrorMarker
  }
  throw mismatch('The object `marker` in the mirror, which says whose it is, cannot be read')
}

function mismatch(why: string, transient = false): BlobStoreError {
  return new BlobStoreError('StoreMismatch', `${why}. Nothing was changed`, { backend: 'mirror', transient })
}
