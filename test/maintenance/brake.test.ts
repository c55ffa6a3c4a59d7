import { describe, expect, test } from 'vitest'
import { places } from '../support/places.ts'
import { alice, bob, bytes, day, post, unpost } from '../support/samples.ts'

describe.each(places)('the brake of collecting on $name', ({ make }) => {
  test('stops it when more than a tenth of all blobs, and more than 100, have expired', async () => {
    const { store, clock } = make()
    const blobs = store()
    const kept = await Promise.all(Array.from({ length: 20 }, (_, index) => blobs.upload(bob, bytes(`kept ${index}`))))
    await post(blobs, bob, 'a', ...kept)
    await blobs.deleteAccount('did:plc:other')
    const refs = []
    for (let index = 0; index < 101; index++) refs.push(await blobs.upload(alice, bytes(`blob ${index}`)))
    await post(blobs, alice, 'a', ...refs)
    await unpost(blobs, alice, 'a')
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ stopped: true, expiredBlobs: 0 })
    expect(await blobs.usage(alice)).toMatchObject({ count: 101 })
    expect(await blobs.collect({ force: true })).toMatchObject({ stopped: false, expiredBlobs: 101 })
    expect(await blobs.usage(bob)).toMatchObject({ count: 20 })
  })

  test('cannot be pulled by somebody who uploads much and references nothing', async () => {
    const { store, clock } = make()
    const blobs = store()
    for (let index = 0; index < 150; index++) await blobs.upload(alice, bytes(`blob ${index}`))
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ stopped: false, expiredBlobs: 150 })
  })

  test('does not mind a hundred', async () => {
    const { store, clock } = make()
    const blobs = store()
    for (let index = 0; index < 100; index++) await blobs.upload(alice, bytes(`blob ${index}`))
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ stopped: false, expiredBlobs: 100 })
  })

  test('is never needed for blobs that are referenced, however the references went', async () => {
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
