import { describe, expect, test, vi } from 'vitest'
import type { BlobRef, BlobStore, RecordWrite } from '../../src/index.ts'
import { places } from '../support/places.ts'
import {
  alice,
  bob,
  bytes,
  commit,
  day,
  friends,
  nextRev,
  post,
  postIn,
  text,
  unpost,
  uriIn,
  uriOf,
  work,
} from '../support/samples.ts'

const cidOf = ({ ref }: BlobRef): string => ref.toString()
const leave = (blobs: BlobStore, space: string, rkey: string): Promise<void> =>
  commit(blobs, alice, { action: 'delete', uri: uriIn(space, alice, rkey) })

describe.each(places)('a space on $name', ({ make }) => {
  test('shows a blob to those who ask by it, and to nobody else', async () => {
    const blobs = make().store()
    const blob = await blobs.upload(alice, bytes('for friends'))
    await postIn(friends, blobs, alice, 'a', blob)
    const { ref } = blob
    for (const options of [{}, { space: work }, { space: work, as: 'moderator' as const }]) {
      await expect(blobs.read(alice, ref, options)).rejects.toMatchObject({ code: 'BlobNotFound' })
      expect(await blobs.stat(alice, ref, options)).toBeNull()
      expect(await blobs.presign(alice, ref, options)).toBeNull()
    }
    expect((await blobs.listPublic(alice)).items).toEqual([])
    expect((await blobs.listSpace(alice, work)).items).toEqual([])
    expect((await blobs.listSpace(bob, friends)).items).toEqual([])
    expect((await blobs.listSpace(alice, friends)).items).toEqual([cidOf(blob)])
    expect(await text((await blobs.read(alice, ref, { space: friends })).body)).toBe('for friends')
    expect(await blobs.presign(alice, ref, { space: friends })).toMatchObject({ cid: cidOf(blob) })
    expect(await blobs.stat(alice, ref, { as: 'account' })).toMatchObject({ referenced: true })
    expect(await blobs.recordsFor(alice, ref)).toEqual([uriIn(friends, alice, 'a')])
  })

  test('shows only what its own records name: not what is public, temporary, or in another space', async () => {
    const blobs = make().store()
    const [open, temporary, other] = await Promise.all(
      ['public', 'temporary', 'other'].map((name) => blobs.upload(alice, bytes(name))),
    )
    await post(blobs, alice, 'a', open)
    await postIn(work, blobs, alice, 'a', other)
    for (const blob of [open, temporary, other]) {
      for (const as of ['public', 'account', 'moderator'] as const) {
        expect(await blobs.stat(alice, blob?.ref ?? '', { as, space: friends })).toBeNull()
      }
    }
  })

  test('hides what is taken down from all but moderators', async () => {
    const blobs = make().store()
    const blob = await blobs.upload(alice, bytes('bad'))
    await postIn(friends, blobs, alice, 'a', blob)
    await blobs.takedown(alice, blob.ref)
    expect(await blobs.stat(alice, blob.ref, { space: friends })).toBeNull()
    expect(await blobs.stat(alice, blob.ref, { space: friends, as: 'account' })).toBeNull()
    expect(await blobs.stat(alice, blob.ref, { space: friends, as: 'moderator' })).toMatchObject({ takenDown: true })
    expect((await blobs.listSpace(alice, friends)).items).toEqual([])
  })

  test('and the public are told apart when a blob is in both: it is hidden from each with its last record there', async () => {
    const onInaccessible = vi.fn()
    const blobs = make().store({ hooks: { onInaccessible } })
    const blob = await blobs.upload(alice, bytes('both'))
    const writes: RecordWrite[] = [uriOf(alice, 'a'), uriIn(friends, alice, 'a'), uriIn(friends, alice, 'b')].map(
      (uri) => ({ action: 'create', uri, record: { blob } }),
    )
    const nothing = { applied: true, hidden: [], hiddenInSpaces: [], differing: [] }
    expect(await blobs.applyWrites(alice, writes, { rev: nextRev() })).toEqual(nothing)
    expect(await blobs.stat(alice, blob.ref)).not.toBeNull()
    expect(await blobs.stat(alice, blob.ref, { space: friends })).not.toBeNull()
    await unpost(blobs, alice, 'a')
    expect(await blobs.stat(alice, blob.ref)).toBeNull()
    expect(await blobs.stat(alice, blob.ref, { space: friends })).not.toBeNull()
    const deletions = writes.slice(1).map(({ uri }): RecordWrite => ({ action: 'delete', uri }))
    expect(await blobs.applyWrites(alice, deletions.slice(1), { rev: nextRev() })).toEqual(nothing)
    const cid = cidOf(blob)
    expect(await blobs.applyWrites(alice, deletions, { rev: nextRev() })).toEqual({
      ...nothing,
      hiddenInSpaces: [{ space: friends, cid }],
    })
    expect(await blobs.stat(alice, blob.ref, { space: friends })).toBeNull()
    await vi.waitFor(() => {
      expect(onInaccessible.mock.calls).toEqual([
        [{ did: alice, cid, because: 'hidden' }],
        [{ did: alice, cid, space: friends, because: 'hidden' }],
      ])
    })
  })

  test('keeps a blob as long as any record names it, wherever that is', async () => {
    const { store, clock } = make()
    const blobs = store()
    const blob = await blobs.upload(alice, bytes('kept'))
    await postIn(friends, blobs, alice, 'a', blob)
    await postIn(work, blobs, alice, 'a', blob)
    await leave(blobs, friends, 'a')
    clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    await leave(blobs, work, 'a')
    clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
  })

  test('has revisions of its own, also of a call that writes to several repositories', async () => {
    const blobs = make().store()
    const [open, inFriends, inWork] = await Promise.all(
      ['public', 'friends', 'work'].map((name) => blobs.upload(alice, bytes(name))),
    )
    const [r1, r2, r3, r4] = [nextRev(), nextRev(), nextRev(), nextRev()]
    await blobs.applyWrites(
      alice,
      [
        { action: 'create', uri: uriOf(alice, 'a'), record: { open } },
        { action: 'create', uri: uriIn(friends, alice, 'a'), record: { inFriends } },
        { action: 'create', uri: uriIn(work, alice, 'a'), record: { inWork } },
      ],
      { rev: r2, spaceRevs: { [friends]: r4 } },
    )
    const since = async (rev: string) => [
      (await blobs.listPublic(alice, { since: rev })).items.length,
      (await blobs.listSpace(alice, friends, { since: rev })).items.length,
      (await blobs.listSpace(alice, work, { since: rev })).items.length,
    ]
    expect(await since(r1)).toEqual([1, 1, 1])
    expect(await since(r2)).toEqual([0, 1, 0])
    expect(await since(r3)).toEqual([0, 1, 0])
    expect(await since(r4)).toEqual([0, 0, 0])
  })

  test('is listed in pages, in the order of CIDs, each once however many records name it', async () => {
    const blobs = make().store()
    const refs = await Promise.all(Array.from({ length: 7 }, (_, n) => blobs.upload(alice, bytes(`blob ${n}`))))
    for (const [n, ref] of refs.entries()) {
      await postIn(friends, blobs, alice, `a${n}`, ref)
      await postIn(friends, blobs, alice, `b${n}`, ref)
      if (n % 2 === 0) await post(blobs, alice, `c${n}`, ref)
    }
    const items: string[] = []
    let cursor: string | undefined
    do {
      const page = await blobs.listSpace(alice, friends, { limit: 3, cursor })
      items.push(...page.items)
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(items).toEqual(refs.map(cidOf).sort())
  })

  test('is imported by itself: what is missing and how far it is are told for each repository', async () => {
    const blobs = make().store()
    const missing = bytes('still to come')
    const held = await blobs.upload(alice, bytes('held'))
    const { ref } = await make().store().upload(alice, missing)
    const claim = { $type: 'blob', ref: { $link: ref.toString() }, mimeType: 'text/plain', size: missing.length }
    const write = (uri: string, record: unknown) =>
      blobs.applyWrites(alice, [{ action: 'create', uri, record }], { rev: nextRev(), missing: 'expect' })
    await write(uriIn(friends, alice, 'a'), { claim, held })
    await write(uriIn(work, alice, 'b'), { claim })
    const found = { cid: ref.toString() }
    const [inFriends, inWork] = [uriIn(friends, alice, 'a'), uriIn(work, alice, 'b')]
    expect((await blobs.listMissing(alice)).items).toHaveLength(2)
    expect((await blobs.listMissing(alice, { space: friends })).items).toEqual([{ ...found, recordUri: inFriends }])
    expect((await blobs.listMissing(alice, { space: work })).items).toEqual([{ ...found, recordUri: inWork }])
    expect((await blobs.listMissing(alice, { space: null })).items).toEqual([])
    expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 1 })
    expect(await blobs.importProgress(alice, { space: friends })).toEqual({ expected: 2, imported: 1 })
    expect(await blobs.importProgress(alice, { space: work })).toEqual({ expected: 1, imported: 0 })
    expect(await blobs.importProgress(alice, { space: null })).toEqual({ expected: 0, imported: 0 })
    await blobs.upload(alice, missing)
    expect((await blobs.listSpace(alice, work)).items).toEqual([ref.toString()])
    expect(await blobs.stat(alice, ref)).toBeNull()
    expect(await blobs.importProgress(alice, { space: friends })).toEqual({ expected: 2, imported: 2 })
  })

  test('that is dropped takes what it alone showed, and nothing of the account’s other repositories', async () => {
    const { store, clock } = make()
    const onInaccessible = vi.fn()
    const blobs = store({ hooks: { onInaccessible } })
    const [only, both, gone] = await Promise.all(
      ['only', 'both', 'gone'].map((name) => blobs.upload(alice, bytes(name))),
    )
    const others = await blobs.upload(bob, bytes('only'))
    const near = `${friends}0`
    for (let n = 0; n < 300; n++) await postIn(friends, blobs, alice, `a${n}`, only)
    await postIn(friends, blobs, alice, 'b', both, gone)
    await postIn(near, blobs, alice, 'a', both)
    await post(blobs, alice, 'b', both)
    await postIn(friends, blobs, bob, 'a', others)
    const waits = { cid: (await make().store().upload(alice, bytes('never'))).ref.toString(), mimeType: 'text/plain' }
    const write: RecordWrite = { action: 'create', uri: uriIn(friends, alice, 'w'), record: { waits } }
    await blobs.applyWrites(alice, [write], { rev: nextRev(), missing: 'expect' })

    expect(await blobs.dropSpace(alice, friends)).toEqual({ references: 303 })
    expect((await blobs.listSpace(alice, friends)).items).toEqual([])
    expect((await blobs.listMissing(alice)).items).toEqual([])
    expect((await blobs.listPublic(alice)).items).toEqual([both && cidOf(both)])
    expect((await blobs.listSpace(alice, near)).items).toEqual([both && cidOf(both)])
    expect((await blobs.listSpace(bob, friends)).items).toEqual([cidOf(others)])
    const told = onInaccessible.mock.calls.map(([event]) => event)
    expect(new Set(told.map(({ cid }) => cid))).toEqual(new Set([only, both, gone].map((blob) => blob && cidOf(blob))))
    expect(told.every(({ space, because }) => space === friends && because === 'hidden')).toBe(true)
    expect(await blobs.dropSpace(alice, friends)).toEqual({ references: 0 })
    clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 2 })
  })

  test('that is dropped in the middle goes on where it was, and an abort leaves what is not dropped', async () => {
    const blobs = make().store()
    const blob = await blobs.upload(alice, bytes('named by many'))
    for (let n = 0; n < 300; n++) await postIn(friends, blobs, alice, `a${n}`, blob)
    const reason = new Error('enough')
    await expect(blobs.dropSpace(alice, friends, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await blobs.recordsFor(alice, blob.ref)).toHaveLength(300)
    expect(await blobs.dropSpace(alice, friends)).toEqual({ references: 300 })
  })

  test('takes records of the account’s repository in it only', async () => {
    const blobs = make().store()
    const blob = await blobs.upload(alice, bytes('x'))
    const uris = [
      uriIn(friends, bob, 'a'),
      `${friends}/${alice}`,
      `at://${alice}/space/com.example.circle/friends`,
      `at://${alice}/space/com.example.circle/friends/${bob}/com.example.post/1`,
      `at://${alice}/space/odd/friends/${alice}/com.example.post/1`,
    ]
    for (const uri of uris) {
      const write = commit(blobs, alice, { action: 'create', uri, record: { blob } })
      await expect(write, uri).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
    await postIn(`at://${alice}/space/com.example.bookmarks/a~b`, blobs, alice, '3k1', blob)
    await postIn(`at://did:web:localhost%3A2583/space/com.example.forum/${'k'.repeat(512)}`, blobs, alice, '3k1', blob)
    expect(await blobs.recordsFor(alice, blob.ref)).toHaveLength(2)
  })

  test('refuses revisions that are none', async () => {
    const blobs = make().store()
    for (const spaceRevs of [{ [friends]: 'x' }, { public: nextRev() }, 'x', null]) {
      const call = blobs.applyWrites(alice, [], { rev: nextRev(), spaceRevs: spaceRevs as never })
      await expect(call, JSON.stringify(spaceRevs)).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
  })
})
