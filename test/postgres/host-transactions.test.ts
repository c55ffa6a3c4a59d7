import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { type BlobRef, isBlobStoreError } from '../../src/index.ts'
import { postgresPlace } from '../support/places.ts'
import { alice, bob, bytes, day, nextRev, text, uriOf } from '../support/samples.ts'

// A transaction of the host that stays open while others run. Fails when references are not written in it, or the
// account's row is not.

async function open() {
  const { store, db, clock } = postgresPlace()
  const [blobs, other] = [store(), store()]
  await Promise.all([blobs.ready(), other.ready()])
  if (!db) throw new Error('no database of a host')
  const writes = (ref: unknown, did = alice) => [{ action: 'create', uri: uriOf(did, 'a'), record: { ref } }] as const
  return { blobs, other, db, clock, writes }
}

describe('a transaction of the host that has referenced a blob', () => {
  test.each(['commits', 'rolls back'])('makes the collector wait, and decides when it %s', async (ending) => {
    const { blobs, other, db, clock, writes } = await open()
    const ref = await blobs.upload(alice, bytes('kept?'))
    clock.advance(2 * day)
    const trx = await db.startTransaction().execute()
    await blobs.applyWrites(alice, writes(ref), { rev: nextRev(), trx })
    expect(await blobs.recordsFor(alice, ref.ref, { trx })).toHaveLength(1)
    expect(await blobs.recordsFor(alice, ref.ref), 'nobody else sees it').toEqual([])
    const collected = other.collect()
    await new Promise((resolve) => setTimeout(resolve, 100))
    await (ending === 'commits' ? trx.commit() : trx.rollback()).execute()
    expect(await collected).toMatchObject({ expiredBlobs: ending === 'commits' ? 0 : 1 })
    if (ending === 'commits') expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('kept?')
    else expect(await blobs.stat(alice, ref.ref, { as: 'moderator' })).toBeNull()
  })

  test('gets a deadlock as a transient error', async () => {
    const { blobs, db, writes } = await open()
    const refs: Record<string, BlobRef> = {
      [alice]: await blobs.upload(alice, bytes('x')),
      [bob]: await blobs.upload(bob, bytes('x')),
    }
    const inOrder = async (...dids: string[]) => {
      const trx = await db.startTransaction().execute()
      try {
        for (const did of dids) {
          await blobs.applyWrites(did, writes(refs[did], did), { rev: nextRev(), trx })
          await sql`select pg_sleep(0.1)`.execute(trx)
        }
        await trx.commit().execute()
      } catch (error) {
        await trx.rollback().execute()
        throw error
      }
    }
    const results = await Promise.allSettled([inOrder(alice, bob), inOrder(bob, alice)])
    const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(reasons).toHaveLength(1)
    expect(isBlobStoreError(reasons[0], 'MetadataBusy') && reasons[0].transient).toBe(true)
  })

  test('may have a higher isolation level, and then fails instead of being wrong', async () => {
    const { blobs, other, db, clock, writes } = await open()
    const ref = await blobs.upload(alice, bytes('gone'))
    clock.advance(2 * day)
    const trx = await db.startTransaction().setIsolationLevel('repeatable read').execute()
    await sql`select count(*) from blobstore_blob`.execute(trx) // from here on it sees what is now
    await other.collect()
    const applied = blobs.applyWrites(alice, writes(ref), { rev: nextRev(), trx })
    await expect(applied).rejects.toMatchObject({ code: 'MetadataBusy', transient: true })
    await trx.rollback().execute()
  })
})
