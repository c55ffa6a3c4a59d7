import { expect, test } from 'vitest'
import { memoryPlace } from '../support/places.ts'
import { alice, bytes, friends, nextRev, uriOf } from '../support/samples.ts'

// What plain JavaScript may pass. Fails when it is silently ignored, or fails as a TypeError.

test('applyWrites refuses invalid lists of writes', async () => {
  const blobs = memoryPlace().store()
  const ref = await blobs.upload(alice, bytes('x'))
  const uri = uriOf(alice, 'a')
  const wrong: [unknown, RegExp][] = [
    [{ action: 'create', uri, record: {} }, /must be an array/],
    [null, /must be an array/],
    [[null], /must be an object/],
    [['create'], /must be an object/],
    [[{ action: 'upsert', uri, record: {} }], /create, update or delete/],
    [[{ action: 'create', uri, record: { ref }, blobs: [{ ref }] }], /not both/],
    [[{ action: 'create', uri }], /needs the record/],
  ]
  for (const [writes, message] of wrong) {
    const call = blobs.applyWrites(alice, writes as never, { rev: nextRev() })
    await expect(call).rejects.toMatchObject({ code: 'InvalidArgument', message: expect.stringMatching(message) })
  }
  expect(await blobs.recordsFor(alice, ref.ref)).toEqual([])
})

test('an undefined record beside its blobs counts as no record', async () => {
  const blobs = memoryPlace().store()
  const ref = await blobs.upload(alice, bytes('x'))
  const write = { action: 'create', uri: uriOf(alice, 'a'), record: undefined, blobs: [{ ref }] }
  await blobs.applyWrites(alice, [write as never], { rev: nextRev() })
  expect(await blobs.recordsFor(alice, ref.ref)).toEqual([uriOf(alice, 'a')])
})

test('a space must be the URI of a space', async () => {
  const blobs = memoryPlace().store()
  const { ref } = await blobs.upload(alice, bytes('x'))
  for (const space of ['private', 1, '', {}, [friends], null, `${friends}/`]) {
    for (const call of [blobs.stat, blobs.read, blobs.presign]) {
      const asked = call(alice, ref, { space: space as never })
      await expect(asked, JSON.stringify(space)).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    for (const call of [blobs.listSpace, blobs.dropSpace]) {
      await expect(call(alice, space as never), JSON.stringify(space)).rejects.toMatchObject({
        code: 'InvalidArgument',
      })
    }
  }
})

test('an unknown viewer or range is refused', async () => {
  const blobs = memoryPlace().store()
  const { ref } = await blobs.upload(alice, bytes('x'))
  await expect(blobs.stat(alice, ref, { as: 'admin' as never })).rejects.toMatchObject({ code: 'InvalidArgument' })
  const read = blobs.read(alice, ref, { as: 'account', range: null as never })
  await expect(read).rejects.toMatchObject({ code: 'InvalidRange' })
})
