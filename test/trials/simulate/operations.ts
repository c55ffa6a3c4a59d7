import { sql } from 'kysely'
import { type BlobStoreErrorCode, isBlobStoreError } from '../../../src/index.ts'
import { nextRev } from '../../support/samples.ts'
import { Violation } from './audit.ts'
import { bytesOf, contents, largeCid, mimeType, refOf } from './contents.ts'
import { dids, type Operation } from './host.ts'
import { dropSpace, isWritable, look, places, spaceOf, uriAt } from './spaces.ts'

// What the workers of a process do, at random.

const minute = 60_000

const upload: Operation = async ({ world, promises, blobs, pause }) => {
  const did = world.pick(dids)
  const cid = world.chance(1 / 50) ? largeCid : world.pick([...contents.keys()])
  const acknowledged = promises.beginUpload(did, cid, blobs.times.grace)
  await blobs.upload(did, world.chance(0.5) ? bytesOf(cid) : slowly(bytesOf(cid), pause), { mimeType })
  acknowledged()
}

async function* slowly(bytes: Uint8Array, pause: () => Promise<void>): AsyncGenerator<Uint8Array> {
  const half = bytes.byteLength >> 1
  yield bytes.subarray(0, half)
  await pause()
  yield bytes.subarray(half)
}

/** A commit of the host: the record, and in the same transaction what it references. */
const write: Operation = async ({ world, promises, blobs, db }) => {
  const did = world.pick(dids)
  const place = world.pick(places)
  const uri = uriAt(place, did, world.pick(['one', 'two', 'three']))
  const missing = world.chance(0.2) ? 'expect' : 'reject'
  const candidates = missing === 'expect' || world.chance(0.1) ? [...contents.keys()] : promises.heldBy(did)
  const named = candidates.length === 0 ? [] : Array.from({ length: world.below(3) }, () => world.pick(candidates))
  const cids = [...new Set(named)].sort()
  const version = world.below(2 ** 31)
  await db.transaction().execute(async (trx) => {
    if (!(await isWritable(trx, did, place))) return
    const action = { action: 'update', uri, record: { embeds: cids.map(refOf) } } as const
    await blobs.applyWrites(did, [action], { rev: nextRev(), missing, trx })
    await sql`DELETE FROM record WHERE uri = ${uri}`.execute(trx)
    if (cids.length > 0)
      await sql`INSERT INTO record VALUES (${uri}, ${did}, ${place}, ${cids.join(' ')}, ${version})`.execute(trx)
  })
}

/** Reads what a record references: as long as it does, only a fault may interfere. */
const read: Operation = async ({ world, promises, blobs, corruptions }) => {
  const reference = promises.someReference()
  if (!reference) return
  const { did, cid } = reference
  const [state, wrongBits] = [promises.stateOf(reference), corruptions()]
  try {
    const reading = await blobs.read(did, cid, { space: spaceOf(reference.place), verify: world.chance(0.5) })
    const bytes = await reading.bytes()
    if (Buffer.compare(bytes, bytesOf(cid)) === 0 || wrongBits < corruptions()) return
    throw new Violation(`${cid} was read, and is not what was uploaded`)
  } catch (error) {
    if (isBlobStoreError(error, 'BlobDamaged') && wrongBits < corruptions()) return
    const isGone = isBlobStoreError(error, 'BlobNotFound') || isBlobStoreError(error, 'BlobMissing')
    if (!isGone) throw error
    if (promises.stateOf(reference) === state)
      throw new Violation(`${cid} is referenced, but reading it fails: ${error.message}`)
  }
}

const collect: Operation = async ({ blobs }) => {
  const { stopped } = await blobs.collect()
  if (stopped) throw new Violation('the deletion limit stopped a collection')
}

const sweep: Operation = async ({ blobs }) => {
  const { stopped } = await blobs.sweep()
  if (stopped) throw new Violation('the deletion limit stopped a sweep')
}

const deleteAccount: Operation = async ({ world, promises, blobs }) => {
  const did = world.pick(dids)
  await blobs.deleteAccount(did)
  if (promises.finishedDeletion(did) && promises.heldBy(did).length > 0)
    throw new Violation(`${did} has blobs although it was deleted`)
}

/** Only when the deletion is finished: an account that is reopened half-way keeps what was not yet forgotten. */
const reopenAccount: Operation = async ({ world, promises, blobs, db }) => {
  const deleted = dids.filter((did) => promises.finishedDeletion(did))
  if (deleted.length === 0) return
  const did = world.pick(deleted)
  await db.transaction().execute(async (trx) => {
    if (!promises.finishedDeletion(did)) return
    await sql`DELETE FROM record WHERE did = ${did}`.execute(trx)
    await blobs.reopenAccount(did, { trx })
  })
}

const takedown: Operation = async ({ world, blobs }) => {
  await blobs.takedown(world.pick([...dids, '*']), world.pick([...contents.keys()]))
}

const restore: Operation = async ({ promises, blobs }) => {
  const one = promises.someTakedown()
  if (one) await blobs.reverseTakedown(one.did, one.cid)
}

const wait: Operation = async ({ world }) => {
  world.now += minute * world.pick([1, 5, 20, 2 * 60, 13 * 60, 30 * 60])
}

const weights: [number, Operation][] = [
  [32, upload],
  [30, write],
  [12, read],
  [6, look],
  [3, dropSpace],
  [10, collect],
  [3, sweep],
  [1, deleteAccount],
  [3, reopenAccount],
  [1, takedown],
  [3, restore],
  [5, wait],
]

export const operations: readonly Operation[] = weights.flatMap(([weight, one]) => Array<Operation>(weight).fill(one))

/** The possible results of an operation in a world of faults, of other workers, and of accounts that are deleted. */
export const expectedErrors: ReadonlySet<BlobStoreErrorCode> = new Set<BlobStoreErrorCode>([
  ...(['StorageFailed', 'MetadataFailed', 'MetadataBusy', 'UploadTimeout', 'UploadExpired'] as const),
  ...(['AccountDeleted', 'BlobTakenDown', 'BlobNotFound'] as const),
])
