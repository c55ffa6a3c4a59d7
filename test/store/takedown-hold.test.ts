import { describe, expect, test } from 'vitest'
import { type BlobRef, type BlobStore, cidOfBytes } from '../../src/index.ts'
import { type Place, places } from '../support/places.ts'
import { alice, bob, bytes, day, post, text, unpost } from '../support/samples.ts'

// What a moderator has taken down stays for `times.takedownHold`, whatever its author does.

const hold = 30 * day
const bad = bytes('bad')
const cid = cidOfBytes(bad)
const nothing = { bytes: 0, count: 0, reserved: 0, pending: 0 }

function open({ store }: Place, takedownHold = hold): BlobStore {
  return store({ times: { takedownHold, deleteDelay: day } })
}

async function posted(blobs: BlobStore, did = alice, content = bad): Promise<BlobRef> {
  const ref = await blobs.upload(did, content)
  await post(blobs, did, cidOfBytes(content), ref)
  return ref
}

async function isHeld(blobs: BlobStore, did = alice): Promise<boolean> {
  const held = await blobs.stat(did, cid, { as: 'moderator' })
  if (held === null) return false
  expect(held).toMatchObject({ takenDown: true, referenced: false })
  for (const as of ['public', 'account'] as const) {
    expect(await blobs.stat(did, cid, { as })).toBeNull()
    expect(await blobs.presign(did, cid, { as })).toBeNull()
    await expect(blobs.read(did, cid, { as })).rejects.toMatchObject({ code: 'BlobNotFound' })
  }
  expect((await blobs.listPublic(did)).items).toEqual([])
  expect(await text((await blobs.read(did, cid, { as: 'moderator' })).body)).toBe('bad')
  return true
}

describe.each(places)('what is taken down in $name', ({ make }) => {
  // Each fails without the condition in `expiredBlobs` and in `collectBlobs`.
  test.each(['its account', 'every account'])('for %s stays for so long after the takedown', async (whose) => {
    const place = make()
    const blobs = open(place)
    await posted(blobs)
    place.clock.advance(5 * day)
    await blobs.takedown(whose === 'its account' ? alice : '*', cid)
    await unpost(blobs, alice, cid)
    place.clock.advance(20 * day)
    expect(await blobs.collect({ dryRun: true })).toMatchObject({ expiredBlobs: 0 })
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0, heldBlobs: 0 })
    // Again, as a moderator may who changes the note: the first takedown counts.
    await blobs.takedown(whose === 'its account' ? alice : '*', cid, { ref: 'case 17' })
    place.clock.advance(10 * day - 1)
    await blobs.collect({ force: true })
    expect(await isHeld(blobs)).toBe(true)
    expect(await blobs.usage(alice), 'it counts as before').toMatchObject({ bytes: 3, count: 1, pending: 0 })
    place.clock.advance(1)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    expect(await isHeld(blobs)).toBe(false)
    expect(await blobs.usage(alice)).toEqual({ ...nothing, pending: 3 })
    place.clock.advance(day)
    await blobs.collect()
    expect((await place.backend().list()).keys).toEqual([])
  })

  // Fails without the condition in `deleteSome`.
  test('stays also when the account is deleted, and is deleted when the time is over', async () => {
    const place = make()
    const blobs = open(place)
    await posted(blobs)
    await blobs.upload(alice, bytes('temporary'))
    for (const content of ['good', 'fine']) await posted(blobs, alice, bytes(content))
    await blobs.takedown(alice, cid)
    await blobs.deleteAccount(alice)
    expect(await isHeld(blobs)).toBe(true)
    expect(await blobs.usage(alice)).toEqual({ ...nothing, bytes: 3, count: 1, pending: 17 })
    expect(await blobs.listAll(alice)).toEqual({ items: [] })
    expect(await blobs.recordsFor(alice, cid)).toEqual([])
    place.clock.advance(hold - 1)
    await blobs.collect()
    expect(await isHeld(blobs)).toBe(true)
    place.clock.advance(1)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    place.clock.advance(day)
    await blobs.collect()
    expect(await blobs.usage(alice)).toEqual(nothing)
    expect((await place.backend().list()).keys).toEqual([])
  })

  test('is hidden from an account that comes back, and cannot be uploaded again', async () => {
    const blobs = open(make())
    await posted(blobs)
    await blobs.takedown(alice, cid)
    await blobs.deleteAccount(alice)
    await blobs.reopenAccount(alice)
    expect(await isHeld(blobs)).toBe(true)
    await expect(blobs.upload(alice, bad)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    expect(await isHeld(blobs)).toBe(true)
    await blobs.deleteAccount(alice)
    expect(await isHeld(blobs)).toBe(true)
  })

  test('is like any other blob once it is restored', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { takedownHold: hold } })
    await posted(blobs)
    await blobs.takedown(alice, cid)
    await unpost(blobs, alice, cid)
    clock.advance(2 * day)
    await blobs.collect()
    await blobs.reverseTakedown(alice, cid)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    expect(await isHeld(blobs)).toBe(false)
  })

  test('holds nothing of another account, and no other blob', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { takedownHold: hold } })
    for (const did of [alice, bob]) await posted(blobs, did)
    await posted(blobs, alice, bytes('good'))
    await blobs.takedown(alice, cid)
    for (const did of [alice, bob]) await unpost(blobs, did, cid)
    await unpost(blobs, alice, cidOfBytes(bytes('good')))
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 2 })
    expect([await isHeld(blobs, alice), await isHeld(blobs, bob)]).toEqual([true, false])
  })

  test('is not held by default', async () => {
    const { store, clock } = make()
    const blobs = store()
    expect(blobs.times.takedownHold).toBe(0)
    await posted(blobs)
    await blobs.takedown(alice, cid)
    await unpost(blobs, alice, cid)
    clock.advance(day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
    await posted(blobs, bob)
    await blobs.takedown('*', cid)
    await blobs.deleteAccount(bob)
    expect(await isHeld(blobs, bob)).toBe(false)
  })
})

// Fails when `SharedTimes` does not include it, or `timesInForce` uses a process's own.
describe.each(places.slice(1))('two processes on $name', ({ make }) => {
  test('hold for the longer time that they were given, as does a tool that was given none', async () => {
    const place = make()
    const host = open(place)
    await posted(host)
    await host.takedown(alice, cid)
    const [short, tool] = [open(place, day), place.store()]
    for (const beside of [short, tool]) {
      await beside.ready()
      expect(beside.times.takedownHold).toBe(hold)
    }
    await short.close()
    await host.close()
    await tool.deleteAccount(alice)
    place.clock.advance(hold - 1)
    await tool.collect({ force: true })
    expect(await isHeld(tool)).toBe(true)
  })
})
