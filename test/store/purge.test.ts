import { describe, expect, test } from 'vitest'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { places } from '../support/places.ts'
import {
  alice,
  bob,
  bytes,
  commit,
  day,
  friends,
  hour,
  nextRev,
  post,
  text,
  unpost,
  uriIn,
  uriOf,
} from '../support/samples.ts'
import { bad, cid, keysOf, posted } from './purging.ts'

// What is illegal is gone when `purge` resolves, and does not come back.

const nothing = { bytes: 0, count: 0, reserved: 0, pending: 0 }

async function expectNobodyHas(blobs: BlobStore, ...dids: string[]): Promise<void> {
  for (const did of dids) {
    for (const as of ['public', 'account', 'moderator'] as const) {
      expect(await blobs.stat(did, cid, { as })).toBeNull()
      await expect(blobs.read(did, cid, { as })).rejects.toMatchObject({ code: 'BlobNotFound' })
    }
    expect((await blobs.listAll(did)).items.map((blob) => blob.cid)).not.toContain(cid)
    expect((await blobs.listPublic(did)).items).not.toContain(cid)
    expect(await blobs.listMissing(did), 'nobody is asked to upload it again').toEqual({ items: [] })
    expect(await blobs.recordsFor(did, cid)).toEqual([])
  }
}

describe.each(places)('a purge for all in $name', ({ make }) => {
  test('deletes the bytes of every account before it resolves, and leaves a record', async () => {
    const place = make()
    const blobs = place.store()
    await posted(blobs, alice, bob)
    await post(blobs, alice, 'good', await blobs.upload(alice, bytes('good')))
    expect((await keysOf(place)).length, 'the copy too many has a delay of its own').toBe(2)
    const before = await blobs.usage(bob)
    const report = await blobs.purge('*', cid, { reason: 'case 17', by: 'trust@example.com' })
    expect(report).toEqual({
      ...{ did: '*', cid, reason: 'case 17', by: 'trust@example.com' },
      ...{ purgedAt: new Date(place.clock.now()), goneAt: new Date(place.clock.now()), keys: 2 },
      ...{ sharedWithOthers: false, heldByBackups: null },
      ...{ remaining: [], remainingKeys: 0, uploads: 0, cachesPurged: null },
    })
    expect(await keysOf(place)).toEqual([])
    await expectNobodyHas(blobs, alice, bob)
    expect(before).toMatchObject({ bytes: bad.length, count: 1 })
    expect(await blobs.usage(bob)).toEqual(nothing)
    expect(await blobs.usage(alice)).toEqual({ ...nothing, bytes: 4, count: 1 })
    const { remaining, remainingKeys, uploads, cachesPurged, ...record } = report
    expect(await blobs.listPurges()).toEqual({ items: [record] })
    expect(await text((await blobs.read(alice, cidOfBytes(bytes('good')))).body)).toBe('good')
    place.clock.advance(2 * day)
    await blobs.collect()
    expect(await blobs.stats()).toMatchObject({ doomedCount: 0 })
    // Nothing that a later collection has to correct.
    expect((await blobs.scrub({ olderThan: 0 })).recounted).toEqual([])
  })

  // Fails when `commit` looks only whether it is taken down, or `intend` stores the bytes first.
  test('refuses the same bytes of everybody from then on, also as a hidden copy, and stores none', async () => {
    const place = make()
    const blobs = place.store()
    await posted(blobs, alice)
    await blobs.purge('*', cid)
    // A moderator who notes something does not lift it.
    await blobs.takedown('*', cid, { ref: 'case 17' })
    for (const did of [alice, bob]) {
      for (const takenDown of ['refuse', 'store'] as const) {
        await expect(blobs.upload(did, bad, { takenDown })).rejects.toMatchObject({ code: 'BlobTakenDown', cid })
      }
      expect(await keysOf(place)).toEqual([])
      expect(await blobs.usage(did), 'nothing was stored that would have to be deleted').toEqual(nothing)
    }
  })

  // Fails when `intend` looks only in `announceUpload`: a spooled upload has its row already.
  test('refuses bytes that came by a spool before any are stored under a key', async () => {
    const place = make()
    const blobs = place.store()
    const large = new Uint8Array(1_500_000).fill(7)
    await blobs.purge('*', cidOfBytes(large))
    async function* stream(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < large.length; at += 50_000) yield large.subarray(at, at + 50_000)
    }
    await expect(blobs.upload(alice, stream())).rejects.toMatchObject({ code: 'BlobTakenDown' })
    expect((await place.backend().list()).keys).toEqual([])
    expect(await blobs.usage(alice)).toEqual(nothing)
  })

  test('deletes also what was replaced, and what waits for the end of its delete delay', async () => {
    const place = make()
    const blobs = place.store({ times: { deleteDelay: 7 * day } })
    await posted(blobs, alice)
    place.clock.advance(60 * day)
    await posted(blobs, bob) // replaces the bytes, which nobody has looked at for long
    await unpost(blobs, alice, 'bad')
    await unpost(blobs, bob, 'bad')
    place.clock.advance(2 * day)
    await blobs.collect()
    await blobs.upload(alice, bad)
    expect((await keysOf(place)).length).toBe(3)
    const charged = await blobs.usage(bob)
    expect(await blobs.purge('*', cid)).toMatchObject({ keys: 3, remainingKeys: 0 })
    expect(await keysOf(place)).toEqual([])
    expect(await blobs.usage(bob), 'what an account is charged tells nothing').toEqual(charged)
    place.clock.advance(8 * day)
    await blobs.collect()
    expect(await blobs.usage(bob)).toEqual(nothing)
    expect(await blobs.stats()).toMatchObject({ doomedCount: 0 })
  })

  test('of what nobody has takes it down all the same, for hash lists', async () => {
    const blobs = make().store()
    expect(await blobs.purge('*', cid)).toMatchObject({ keys: 0, remainingKeys: 0, goneAt: expect.any(Date) })
    await expect(blobs.upload(alice, bad)).rejects.toMatchObject({ code: 'BlobTakenDown' })
  })

  test('is not stayed by `takedownHold`, and says which backup may hold it', async () => {
    const place = make()
    const blobs = place.store({ times: { takedownHold: 30 * day } })
    await posted(blobs, alice)
    await blobs.takedown('*', cid, { ref: 'case 17' })
    await blobs.markBackup()
    const at = new Date(place.clock.now())
    place.clock.advance(hour)
    expect(await blobs.purge('*', cid)).toMatchObject({ heldByBackups: at, goneAt: new Date(place.clock.now()) })
    await expectNobodyHas(blobs, alice)
  })

  test('leaves records that may be written again, changed and deleted, but not anew', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bad)
    for (const rkey of ['1', '2', '3']) await post(blobs, alice, rkey, ref)
    await blobs.purge('*', cid)
    await expect(post(blobs, alice, '4', ref)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await unpost(blobs, alice, '1')
    await post(blobs, alice, '2')
    const imported = { action: 'create', uri: uriOf(alice, '5'), record: { ref } } as const
    await blobs.applyWrites(alice, [imported], { rev: nextRev(), missing: 'expect' })
    await expectNobodyHas(blobs, alice)
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 0 })
    // Reversed, the records that are left wait for the bytes, and an upload is theirs.
    await blobs.reverseTakedown('*', cid)
    expect((await blobs.listMissing(alice)).items.map(({ recordUri }) => recordUri).sort()).toEqual([
      uriOf(alice, '3'),
      uriOf(alice, '5'),
    ])
    await blobs.upload(alice, bad)
    expect(await text((await blobs.read(alice, cid)).body)).toBe('illegal')
    expect((await blobs.recordsFor(alice, cid)).sort()).toEqual([uriOf(alice, '3'), uriOf(alice, '5')])
  })

  // Fails when `releasePurged` forgets what an imported record says of its blob.
  test('keeps what each record says of the blob, and in which space it shows it', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bad, { mimeType: 'text/markdown' })
    await commit(blobs, alice, { action: 'create', uri: uriIn(friends, alice, '1'), record: { ref } })
    const claim = { ...JSON.parse(JSON.stringify(ref)), mimeType: 'text/plain', size: 5 }
    const imported = { action: 'create', uri: uriOf(alice, '2'), record: { claim } } as const
    await blobs.applyWrites(alice, [imported], { rev: nextRev(), missing: 'expect' })
    await blobs.purge('*', cid)
    await blobs.reverseTakedown('*', cid)
    await blobs.upload(alice, bad)
    expect((await blobs.recordsFor(alice, cid)).length).toBe(2)
    // What a record was imported with it may say again.
    await commit(blobs, alice, imported)
    await unpost(blobs, alice, '2')
    expect(await blobs.stat(alice, cid)).toBeNull()
    expect(await blobs.stat(alice, cid, { space: friends })).toMatchObject({ referenced: true })
  })
})

describe.each(places)('a purge of one account in $name', ({ make }) => {
  test('deletes the bytes that no other account has', async () => {
    const place = make()
    const blobs = place.store()
    await posted(blobs, alice)
    expect(await blobs.purge(alice, cid)).toMatchObject({ did: alice, keys: 1, sharedWithOthers: false })
    expect(await keysOf(place)).toEqual([])
    await expectNobodyHas(blobs, alice)
    await blobs.upload(bob, bad)
    expect(await text((await blobs.read(bob, cid, { as: 'account' })).body)).toBe('illegal')
    await expect(blobs.upload(alice, bad, { takenDown: 'store' })).rejects.toMatchObject({ code: 'BlobTakenDown' })
  })

  test('ends its hold, and leaves the bytes of others, which only the operator learns', async () => {
    const place = make()
    const [shared, alone] = [place.store(), make().store()]
    await posted(shared, alice, bob)
    await posted(alone, alice)
    const report = await shared.purge(alice, cid)
    expect(report).toMatchObject({ keys: 0, sharedWithOthers: true, goneAt: null, remainingKeys: 0 })
    await alone.purge(alice, cid)
    expect((await keysOf(place)).length).toBe(2)
    expect(await text((await shared.read(bob, cid)).body)).toBe('illegal')
    for (const blobs of [shared, alone]) {
      await expectNobodyHas(blobs, alice)
      expect(await blobs.usage(alice), 'as if nobody had it').toEqual(nothing)
      await expect(blobs.upload(alice, bad)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    }
    // It is over: no collection comes back to it.
    await shared.collect()
    expect((await shared.listPurges()).items).toMatchObject([{ sharedWithOthers: true, goneAt: null }])
  })

  // Fails when `isShared` looks only for live bytes.
  test('leaves bytes that another account had last, for a restore of its backups', async () => {
    const place = make()
    const blobs = place.store({ times: { deleteDelay: 7 * day } })
    await posted(blobs, alice, bob)
    await unpost(blobs, alice, 'bad')
    place.clock.advance(2 * day)
    await blobs.collect()
    await unpost(blobs, bob, 'bad')
    place.clock.advance(2 * day)
    await blobs.collect()
    expect(await blobs.purge(alice, cid)).toMatchObject({ keys: 0, sharedWithOthers: true })
    expect((await keysOf(place)).length).toBe(1)
    expect(await blobs.purge(bob, cid)).toMatchObject({ keys: 1, sharedWithOthers: false })
    expect(await keysOf(place)).toEqual([])
  })

  test('is of no blob of another account, and of no other blob of this one', async () => {
    const blobs = make().store()
    const good = await blobs.upload(alice, bytes('good'))
    await post(blobs, alice, 'good', good)
    await posted(blobs, alice, bob)
    await blobs.purge(alice, cid)
    expect(await blobs.listPublic(alice)).toEqual({ items: [String(good.ref)] })
    expect(await blobs.listPublic(bob)).toEqual({ items: [cid] })
  })

  test('of a deleted account whose blob is held for moderators lets nothing wait', async () => {
    const place = make()
    const blobs = place.store({ times: { takedownHold: 30 * day } })
    await posted(blobs, alice)
    await blobs.takedown(alice, cid)
    await blobs.deleteAccount(alice)
    expect(await keysOf(place)).not.toEqual([])
    expect(await blobs.purge(alice, cid)).toMatchObject({ keys: 1 })
    expect(await keysOf(place)).toEqual([])
    await blobs.reopenAccount(alice)
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
  })
})

describe.each(places.slice(1))('purges in two processes on $name', ({ make }) => {
  test('may be called again, by several at once, and each call leaves a record', async () => {
    const place = make()
    const [one, other] = [place.store(), place.store()]
    await posted(one, alice, bob)
    await other.ready()
    await Promise.all([one, other, one].map((blobs) => blobs.purge('*', cid)))
    expect(await keysOf(place)).toEqual([])
    await expectNobodyHas(other, alice, bob)
    await one.purge('*', cid)
    const { items } = await one.listPurges()
    expect(items.length).toBe(4)
    for (const { goneAt } of items) expect(goneAt).not.toBeNull()
  })
})
