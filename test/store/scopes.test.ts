import { describe, expect, test } from 'vitest'
import { places } from '../support/places.ts'
import { alice, bytes, commit, post, text, unpost, uriOf } from '../support/samples.ts'

describe.each(places)('the scope of a reference on $name', ({ make }) => {
  const permissioned = (rkey: string, scope: string, ref: unknown) => ({
    action: 'create' as const,
    uri: uriOf(alice, rkey),
    record: { ref },
    scope,
  })

  test('hides a blob from the public, and shows it to viewers whom the host allows that scope', async () => {
    const blobs = make().store()
    const { ref } = await blobs.upload(alice, bytes('for friends')).then(async (blob) => {
      await commit(blobs, alice, permissioned('a', 'friends', blob))
      return blob
    })
    await expect(blobs.read(alice, ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
    await expect(blobs.read(alice, ref, { scopes: ['others'] })).rejects.toMatchObject({ code: 'BlobNotFound' })
    expect(await blobs.stat(alice, ref)).toBeNull()
    expect((await blobs.listPublic(alice)).items).toEqual([])
    expect((await blobs.listPublic(alice, { scopes: ['friends'] })).items).toEqual([ref.toString()])
    expect(await text((await blobs.read(alice, ref, { scopes: ['friends'] })).body)).toBe('for friends')
    expect(await blobs.stat(alice, ref, { as: 'account' })).toMatchObject({ referenced: true })
  })

  test('makes a blob public as soon as, and only while, a public record references it too', async () => {
    const blobs = make().store()
    const blob = await blobs.upload(alice, bytes('both'))
    await commit(blobs, alice, permissioned('a', 'friends', blob))
    await post(blobs, alice, 'b', blob)
    expect(await blobs.stat(alice, blob.ref)).toMatchObject({ size: 4 })
    await unpost(blobs, alice, 'b')
    expect(await blobs.stat(alice, blob.ref)).toBeNull()
    expect(await blobs.stat(alice, blob.ref, { scopes: ['friends'] })).toMatchObject({ size: 4 })
  })

  test('changes with the record', async () => {
    const blobs = make().store()
    const blob = await blobs.upload(alice, bytes('changing'))
    await commit(blobs, alice, permissioned('a', 'friends', blob))
    await commit(blobs, alice, { ...permissioned('a', 'public', blob), action: 'update' })
    expect(await blobs.stat(alice, blob.ref)).toMatchObject({ size: 8 })
  })

  test('is refused when it is malformed', async () => {
    const blobs = make().store()
    const blob = await blobs.upload(alice, bytes('x'))
    for (const scope of ['', ' ', 'a\nb', 'x'.repeat(513), 5 as never]) {
      await expect(commit(blobs, alice, permissioned('a', scope, blob))).rejects.toMatchObject({
        code: 'InvalidArgument',
      })
      await expect(blobs.read(alice, blob.ref, { scopes: [scope] })).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
  })
})
