import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { BlobStore } from '../../src/index.ts'
import { memoryPlace, places } from '../support/places.ts'
import { alice, bob, bytes, day, post, unpost } from '../support/samples.ts'

/** An account uploads so many blobs, all referenced by one record. With `goes` the record is then deleted. */
async function lives(blobs: BlobStore, did: string, count: number, fate: 'stays' | 'goes'): Promise<void> {
  const refs = []
  for (let index = 0; index < count; index++) refs.push(await blobs.upload(did, bytes(`${did} ${fate} ${index}`)))
  await post(blobs, did, fate, ...refs)
  if (fate === 'goes') await unpost(blobs, did, fate)
}

describe.each(places)('the deletion limit of collecting on $name', ({ make }) => {
  // Fails when the share of all blobs counts, whoever has them: then one account stops everybody's collection.
  test('holds nothing back when one account deletes much, and another never referenced what it has', async () => {
    const { store, clock } = make()
    const blobs = store()
    await lives(blobs, alice, 101, 'goes')
    await lives(blobs, bob, 20, 'stays')
    for (let index = 0; index < 30; index++) await blobs.upload(bob, bytes(`never referenced ${index}`))
    clock.advance(day)
    expect(await blobs.collect({ dryRun: true })).toMatchObject({ stopped: false, expiredBlobs: 131, heldBlobs: 0 })
    expect(await blobs.collect()).toMatchObject({ stopped: false, expiredBlobs: 131, heldBlobs: 0 })
    expect(await blobs.usage(bob)).toMatchObject({ count: 20 })
  })

  test('does not prevent the owner of a PDS for one from deleting two thirds of the blobs', async () => {
    const { store, clock } = make()
    const blobs = store({ limits: { accept: ['*/*'], quota: { blobs: 200 } } })
    await lives(blobs, alice, 50, 'stays')
    await lives(blobs, alice, 101, 'goes')
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ stopped: false, expiredBlobs: 101 })
  })

  // Fails without the deletion limit; without the accounts' shares (then what carol lost is kept, too); and without its
  // time limit.
  test('holds back, for 7 days, what records of many accounts referenced and lost at once, and nothing else', async () => {
    const { store, clock } = make()
    const blobs = store()
    for (const did of ['did:plc:a', 'did:plc:b', 'did:plc:c']) await lives(blobs, did, 40, 'goes')
    await lives(blobs, bob, 30, 'stays')
    await lives(blobs, 'did:plc:carol', 3, 'goes')
    await lives(blobs, 'did:plc:carol', 30, 'stays')
    for (let index = 0; index < 5; index++) await blobs.upload('did:plc:a', bytes(`never referenced ${index}`))
    clock.advance(day)
    const foretold = { stopped: true, heldBlobs: 120, expiredBlobs: 8 }
    expect(await blobs.collect({ dryRun: true })).toMatchObject(foretold)
    expect(await blobs.collect()).toMatchObject(foretold)
    expect(await blobs.usage('did:plc:a')).toMatchObject({ count: 40 })
    clock.advance(6 * day)
    expect(await blobs.collect()).toMatchObject({ stopped: true, expiredBlobs: 0 })
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ stopped: false, expiredBlobs: 120 })
  })

  test('is overridden by force, and no longer holds back what is referenced again', async () => {
    const { store, clock } = make()
    const blobs = store()
    for (const did of [alice, bob]) await lives(blobs, did, 60, 'goes')
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ stopped: true, heldBlobs: 120, expiredBlobs: 0 })
    await post(blobs, bob, 'again', await blobs.upload(bob, bytes(`${bob} goes 0`)))
    expect(await blobs.collect({ force: true })).toMatchObject({ stopped: false, heldBlobs: 0, expiredBlobs: 119 })
    expect(await blobs.usage(bob)).toMatchObject({ count: 1 })
  })

  test('ignores up to a hundred blobs', async () => {
    const { store, clock } = make()
    const blobs = store()
    for (const did of [alice, bob]) await lives(blobs, did, 50, 'goes')
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ stopped: false, expiredBlobs: 100 })
  })

  test('never applies to blobs that are referenced, however references were removed', async () => {
    const { store, clock, db } = make()
    if (!db) return
    const blobs = store()
    const ref = await blobs.upload(alice, bytes('referenced'))
    await post(blobs, alice, 'a', ref)
    // The host loses its references, without the store: a table emptied by mistake.
    await db.deleteFrom('blobstore_ref' as never).execute()
    clock.advance(9 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    expect(await blobs.stat(alice, ref.ref, { as: 'account' })).not.toBeNull()
  })
})

// Fails when only the logger gets it: an operator without one would never know.
test('the deletion limit is reported even without a logger', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  onTestFinished(() => warn.mockRestore())
  const { store, clock } = memoryPlace()
  const blobs = store()
  for (const did of [alice, bob]) await lives(blobs, did, 60, 'goes')
  clock.advance(day)
  await blobs.collect()
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('holds back 120 blobs of 2 accounts'), expect.anything())
})
