import { describe, expect, test } from 'vitest'
import type { BlobStore } from '../../src/index.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, day, post, unpost } from '../support/samples.ts'

// "Does anybody else have these bytes?" Alice lives the same life with bytes that Bob has and with bytes that nobody
// has, and sees the same. Fails when the store takes a shorter way for known bytes, or charges for them differently.

describe.each(places)('what an account sees on $name', ({ make }) => {
  async function life(bobHasThem: boolean): Promise<unknown[]> {
    const { store, clock } = make()
    const blobs = store({ times: { fresh: day / 2, deleteDelay: day } })
    const content = bytes('these bytes')
    if (bobHasThem) await post(blobs, bob, 'b', await blobs.upload(bob, content, { mimeType: 'text/html' }))
    const seen: unknown[] = []
    const look = async () => seen.push(await view(blobs))

    clock.advance(day / 4)
    const ref = await blobs.upload(alice, content, { mimeType: 'text/plain' })
    seen.push(JSON.stringify(ref))
    await look()
    await blobs.upload(alice, content)
    await look()
    await post(blobs, alice, 'a', ref)
    await look()
    clock.advance(2 * day)
    await blobs.upload(alice, content)
    await blobs.collect()
    await look()
    await unpost(blobs, alice, 'a')
    clock.advance(day)
    await blobs.collect()
    await look()
    clock.advance(day - 1)
    await blobs.collect()
    await look()
    clock.advance(1)
    await blobs.collect()
    await look()
    return seen
  }

  async function view(blobs: BlobStore): Promise<unknown> {
    const own = (await blobs.listAll(alice)).items.map(({ createdAt: _, ...stat }) => stat)
    return {
      own,
      usage: await blobs.usage(alice),
      counts: await blobs.importProgress(alice),
      list: await blobs.listPublic(alice),
    }
  }

  test('does not depend on what others have', async () => {
    const alone = await life(false)
    const shared = await life(true)
    expect(shared).toEqual(alone)
    expect(alone.at(-1)).toMatchObject({ usage: { bytes: 0, count: 0, reserved: 0, pending: 0 } })
    expect(alone.at(-3)).toMatchObject({ usage: { pending: 11 } })
  })
})
