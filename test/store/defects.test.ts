import { describe, expect, test } from 'vitest'
import { places } from '../support/places.ts'
import { alice, bytes, commit, day, nextRev, post, text, unpost, uriOf } from '../support/samples.ts'

// What the reference PDS (@atproto/pds 0.5.35) did wrong when it was run, each as what should happen. Its faults in
// serving (Range, ETag, HEAD, the error for a missing blob) are in test/http/get-blob.test.ts.

describe.each(places)('where the reference PDS falls short, on $name', ({ make }) => {
  test('a blob survives: record deleted, same bytes uploaded again, referenced again, then the late collection', async () => {
    const { store, clock } = make()
    const blobs = store()
    const ref = await blobs.upload(alice, bytes('live'))
    await post(blobs, alice, 'first', ref)
    await unpost(blobs, alice, 'first')
    // The deletion is decided now, and executed late: after the blob was uploaded and referenced again.
    clock.advance(2 * day)
    const late = blobs.collect()
    await blobs.upload(alice, bytes('live'))
    await post(blobs, alice, 'second', ref)
    await late
    clock.advance(2 * day)
    await blobs.collect()
    await blobs.sweep()
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('live')
    expect((await blobs.listMissing(alice)).items).toEqual([])
  })

  test('the same race, 100 times with every step of the collection in between', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { deleteDelay: 0 } })
    for (let round = 0; round < 100; round++) {
      const ref = await blobs.upload(alice, bytes('live'))
      await post(blobs, alice, 'a', ref)
      await unpost(blobs, alice, 'a')
      clock.advance(2 * day)
      const again = async () => {
        for (let turn = 0; turn < round % 25; turn++) await new Promise((resolve) => setImmediate(resolve))
        const ref = await blobs.upload(alice, bytes('live'))
        await post(blobs, alice, 'a', ref)
        return ref
      }
      const [live] = await Promise.all([again(), blobs.collect(), blobs.collect()])
      clock.advance(2 * day)
      await blobs.collect()
      expect(await text((await blobs.read(alice, live.ref)).body)).toBe('live')
      await unpost(blobs, alice, 'a')
      clock.advance(2 * day)
    }
  })

  test('the good blob of a failed write of several is not served', async () => {
    const blobs = make().store()
    const good = await blobs.upload(alice, bytes('good'))
    const bad = { ...good, mimeType: 'image/png' }
    const write = { action: 'create' as const, uri: uriOf(alice, 'a'), record: { images: [good, bad] } }
    await expect(blobs.applyWrites(alice, [write], { rev: nextRev() })).rejects.toMatchObject({
      code: 'InvalidMimeType',
    })
    await expect(blobs.read(alice, good.ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
    expect((await blobs.listPublic(alice)).items).toEqual([])
  })

  test('repeated uploads of one blob, and refused ones of a taken-down blob, strand nothing', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    const kept = await blobs.upload(alice, bytes('kept'))
    await post(blobs, alice, 'a', kept)
    for (let count = 0; count < 5; count++) await blobs.upload(alice, bytes('kept'))
    const gone = await blobs.upload(alice, bytes('taken down'))
    await blobs.takedown(alice, gone.ref)
    for (let count = 0; count < 5; count++) {
      await expect(blobs.upload(alice, bytes('taken down'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
    }
    clock.advance(3 * day)
    await blobs.collect()
    clock.advance(3 * day)
    await blobs.collect()
    expect((await backend().list()).keys).toHaveLength(1)
    expect(await blobs.usage(alice)).toEqual({ bytes: 4, count: 1, reserved: 0, pending: 0 })
  })

  test('temporary blobs that no record ever references are collected', async () => {
    const { store, clock, backend } = make()
    const blobs = store()
    await blobs.upload(alice, bytes('never used'))
    clock.advance(day - 1)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    clock.advance(1)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1, deletedKeys: 0, waitingKeys: 1 })
    clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 1, deletedBytes: 10, waitingKeys: 0 })
    expect((await backend().list()).keys).toEqual([])
  })

  test('a second record cannot reference a permanent blob with another type or size', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('image'), { mimeType: 'text/plain' })
    await post(blobs, alice, 'first', ref)
    await expect(post(blobs, alice, 'second', { ...ref, mimeType: 'image/png' })).rejects.toMatchObject({
      code: 'InvalidMimeType',
    })
    await expect(post(blobs, alice, 'second', { ...ref, size: 6 })).rejects.toMatchObject({ code: 'InvalidSize' })
    expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uriOf(alice, 'first')])
  })

  test('a temporary blob counts neither as expected nor as imported', async () => {
    const { store } = make()
    const blobs = store()
    const named = await blobs.upload(alice, bytes('named'))
    await blobs.upload(alice, bytes('temporary'))
    await post(blobs, alice, 'a', named)
    const missing = { ...named, ref: named.ref, size: 99 }
    const uri = uriOf(alice, 'b')
    const absent = 'bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4'
    const record = { text: 'imported', blob: { ...missing, ref: { $link: absent } } }
    await blobs.applyWrites(alice, [{ action: 'create', uri, record }], { rev: nextRev(), missing: 'expect' })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 1 })
    await commit(blobs, alice, { action: 'delete', uri })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
  })
})
