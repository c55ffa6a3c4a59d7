import { type Kysely, sql } from 'kysely'
import { friends, uriIn, uriOf, work } from '../../support/samples.ts'
import { Violation } from './audit.ts'
import { contents } from './contents.ts'
import { dids, type Host, type Operation } from './host.ts'

/** Where records are: among the public ones, or in a space. */
export const places: readonly string[] = ['public', 'public', friends, work]

export const spaceOf = (place: string): string | undefined => (place === 'public' ? undefined : place)

export const uriAt = (place: string, did: string, rkey: string): string =>
  place === 'public' ? uriOf(did, rkey) : uriIn(place, did, rkey)

export const dropSpace: Operation = async ({ world, promises, blobs, db, process }) => {
  const { did, space } = promises.someDrop() ?? { did: world.pick(dids), space: world.pick([friends, work]) }
  // Who drops a space while another does would forget what is written when the other is done.
  if (!promises.beginDrop(did, space, process)) return
  try {
    await drop(db, { did, space, forget: () => blobs.dropSpace(did, space) })
  } finally {
    promises.endDrop(did, space)
  }
}

/** Drops what crashes and faults have left half dropped. */
export async function finishDrops({ promises, blobs, db }: Host): Promise<void> {
  for (let left = promises.someDrop(); left; left = promises.someDrop()) {
    const { did, space } = left
    await drop(db, { did, space, forget: () => blobs.dropSpace(did, space) })
  }
}

interface Drop {
  did: string
  space: string
  /** The store forgets. */
  forget(): Promise<unknown>
}

/** The host forgets its records, notes that the store has still to, and drops the note when that has. */
export async function drop(db: Host['db'], { did, space, forget }: Drop): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`INSERT INTO dropping VALUES (${did}, ${space}) ON CONFLICT DO NOTHING`.execute(trx)
    await sql`DELETE FROM record WHERE did = ${did} AND space = ${space}`.execute(trx)
  })
  await forget()
  await sql`DELETE FROM dropping WHERE did = ${did} AND space = ${space}`.execute(db)
}

/** Whether the host writes to the space: not while it is being dropped. */
export async function isWritable(trx: Kysely<never>, did: string, space: string): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM dropping WHERE did = ${did} AND space = ${space}`.execute(trx)
  return rows.length === 0
}

/** What is shown in a place is exactly what the host's records there name, unless something changed meanwhile. */
export const look: Operation = async ({ world, promises, blobs }) => {
  const [did, place, cid] = [world.pick(dids), world.pick(places), world.pick([...contents.keys()])]
  const space = spaceOf(place)
  const listed = world.chance(0.5)
  const before = promises.shown(did, place)
  const found = listed
    ? (await (space === undefined ? blobs.listPublic(did) : blobs.listSpace(did, space))).items
    : (await blobs.stat(did, cid, { space })) && [cid]
  const { state, cids } = promises.shown(did, place)
  if (state === null || state !== before.state) return
  const expected = listed ? cids : cids.filter((one) => one === cid)
  if (`${found ?? ''}` !== `${expected}`)
    throw new Violation(`in ${place} ${did} shows ${found}, and the records there name ${expected}`)
}
