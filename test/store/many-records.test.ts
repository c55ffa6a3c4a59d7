import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type BlobRef, type BlobStore, cidOfBytes, type RecordWrite } from '../../src/index.ts'
import { meddleMetadata } from '../support/meddling.ts'
import { diskPlace, type Place, places } from '../support/places.ts'
import { alice, bob, bytes, commit, day, friends, nextRev, post, uriIn, uriOf } from '../support/samples.ts'

// One blob that very many records reference: every operation on it takes several transactions, and what happens in
// between must lose nothing. More than two pages of what begins to reference a blob at once (rows/expected-rows.ts).

const many = 600
const rkeys = Array.from({ length: many }, (_, n) => `r${String(n).padStart(4, '0')}`)
const content = bytes('named by many')
const cid = cidOfBytes(content)
const claim = { $type: 'blob', ref: { $link: cid }, mimeType: 'text/plain', size: content.length }

const creates = (space?: string): RecordWrite[] =>
  rkeys.map((rkey) => ({
    action: 'create',
    uri: space === undefined ? uriOf(alice, rkey) : uriIn(space, alice, rkey),
    record: { claim },
  }))

async function imported(blobs: BlobStore): Promise<void> {
  await blobs.applyWrites(alice, creates(), { rev: nextRev(), missing: 'expect' })
}

const uploaded = (blobs: BlobStore): Promise<BlobRef> => blobs.upload(alice, content, { mimeType: 'text/plain' })

async function expectAllReference(blobs: BlobStore): Promise<void> {
  expect(await blobs.listMissing(alice)).toEqual({ items: [] })
  expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
  expect((await blobs.recordsFor(alice, cid)).sort()).toEqual(rkeys.map((rkey) => uriOf(alice, rkey)))
}

describe.each(places)('a blob that many records reference in $name', ({ make }) => {
  test('is referenced by all that waited for it when its upload is over', async () => {
    const place = make()
    const blobs = place.store()
    await imported(blobs)
    const other = await blobs.upload(alice, bytes('other'))
    await commit(blobs, alice, { action: 'create', uri: uriOf(alice, 'zz'), record: { other } })
    await uploaded(blobs)
    expect(await blobs.listMissing(alice)).toEqual({ items: [] })
    expect(await blobs.importProgress(alice)).toEqual({ expected: 2, imported: 2 })
    expect((await blobs.listPublic(alice)).items.sort()).toEqual([cid, other.ref.toString()].sort())
    expect(await blobs.listPublic(alice, { limit: 1 })).toMatchObject({ items: [expect.any(String)] })
    place.clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    expect(await blobs.stat(alice, cid)).toMatchObject({ referenced: true, mimeType: 'text/plain' })
  })

  test('is temporary when the last of them is gone', async () => {
    const place = make()
    const blobs = place.store()
    await uploaded(blobs)
    await commit(blobs, alice, ...creates())
    const [last = '', ...others] = rkeys
    const deletes = (some: string[]) => some.map((rkey) => ({ action: 'delete' as const, uri: uriOf(alice, rkey) }))
    await commit(blobs, alice, ...deletes(others))
    // Fails when a blob that loses a record counts as temporary whatever other records it has.
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    place.clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    expect(await blobs.recordsFor(alice, cid)).toEqual([uriOf(alice, last)])
    await commit(blobs, alice, ...deletes([last]))
    place.clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
  })

  test('is hidden when the last public one is gone, whatever others there are', async () => {
    const gone = vi.fn()
    const blobs = make().store({ hooks: { onInaccessible: gone } })
    const ref = await uploaded(blobs)
    await commit(blobs, alice, ...creates(friends))
    await post(blobs, alice, 'public', ref)
    expect(await blobs.listPublic(alice)).toEqual({ items: [cid] })
    await commit(blobs, alice, { action: 'delete', uri: uriOf(alice, 'public') })
    expect(gone).toHaveBeenCalledExactlyOnceWith({ did: alice, cid, because: 'hidden' })
    expect(await blobs.listPublic(alice)).toEqual({ items: [] })
    expect(await blobs.stat(alice, cid)).toBeNull()
    expect(await blobs.listSpace(alice, friends)).toEqual({ items: [cid] })
  })

  test('is forgotten with its account, together with what waits for a blob', async () => {
    const place = make()
    const blobs = place.store()
    await uploaded(blobs)
    await commit(blobs, alice, ...creates())
    const missing = { ...claim, ref: { $link: cidOfBytes(bytes('missing')) } }
    const waits: RecordWrite[] = rkeys.map((rkey) => ({
      action: 'create',
      uri: uriOf(alice, `w${rkey}`),
      record: { missing },
    }))
    await blobs.applyWrites(alice, waits, { rev: nextRev(), missing: 'expect' })
    await blobs.upload(bob, bytes('bob'))
    await blobs.deleteAccount(alice)
    expect(await blobs.importProgress(alice)).toEqual({ expected: 0, imported: 0 })
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0 })
    expect(await blobs.usage(bob)).toMatchObject({ count: 1 })
  })

  test('is not missing, nor are those after it, once it is taken down', async () => {
    const blobs = make().store()
    await imported(blobs)
    const ref = (text: string) => ({ ...claim, ref: { $link: cidOfBytes(bytes(text)) } })
    const others = ['a', 'b', 'c', 'd', 'e', 'f'].map(ref)
    const write = { action: 'create', uri: uriOf(alice, 'others'), record: { others } } as const
    await blobs.applyWrites(alice, [write], { rev: nextRev(), missing: 'expect' })
    await blobs.takedown(alice, cid)
    const items = others.map(({ ref }) => ({ cid: ref.$link, recordUri: uriOf(alice, 'others') }))
    expect(await blobs.listMissing(alice)).toEqual({ items: items.sort((a, b) => (a.cid < b.cid ? -1 : 1)) })
    for (const limit of [1, 4]) {
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await blobs.listMissing(alice, { limit, cursor })
        seen.push(...page.items.map((item) => item.cid))
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(seen).toEqual(items.map((item) => item.cid))
    }
  })
})

/** As when the process is killed after so many of the transactions in which records begin to reference the blob. */
function killedAfter(place: Place, transactions: number): BlobStore {
  let left = transactions
  const metadata = meddleMetadata(place.metadata(), (inner) => ({
    meetExpectations: (did, cid) => {
      if (left === 0) throw new Error('killed')
      left -= 1
      return inner.meetExpectations(did, cid)
    },
  }))
  const blobs = place.store({ metadata })
  onTestFinished(() => blobs.close())
  return blobs
}

describe.each([0, 1])('a process that is killed %s transactions after the first', (transactions) => {
  async function killed(): Promise<{ place: Place; blobs: BlobStore }> {
    const place = diskPlace()
    const dead = killedAfter(place, transactions)
    await imported(dead)
    await expect(uploaded(dead)).rejects.toThrow()
    const blobs = place.store()
    expect((await blobs.recordsFor(alice, cid)).length).toBe(250 * (transactions + 1))
    return { place, blobs }
  }

  // Fails when a blob that records wait for may expire, or when the first one to reference it makes it permanent.
  test('loses no blob that records wait for: collecting continues', async () => {
    const { place, blobs } = await killed()
    expect((await blobs.listMissing(alice)).items, 'held, and so not missing').toEqual([])
    expect(await blobs.collect({ dryRun: true })).toMatchObject({ expiredBlobs: 0 })
    place.clock.advance(2 * day)
    expect(await blobs.collect({ dryRun: true })).toMatchObject({ expiredBlobs: 0 })
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    await expectAllReference(blobs)
  })

  test('and whose records are deleted, all but one that waits, does not lose it either', async () => {
    const { place, blobs } = await killed()
    const deletes = rkeys.slice(0, -1).map((rkey) => ({ action: 'delete' as const, uri: uriOf(alice, rkey) }))
    await commit(blobs, alice, ...deletes)
    place.clock.advance(30 * day)
    const metadata = await place.metadata().open()
    onTestFinished(() => metadata.close())
    expect(await metadata.collectBlobs(alice, [cid], { deleteDelay: day, takedownHold: 0 })).toBe(0)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    place.clock.advance(30 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    expect(await blobs.recordsFor(alice, cid)).toEqual([uriOf(alice, rkeys.at(-1) ?? '')])
    expect(await blobs.read(alice, cid)).toMatchObject({ size: content.length })
  })

  // Fails when a blob that waits to be examined keeps its old time: it would be deleted at once.
  test('and whose records are all deleted long after, keeps it for a whole grace period', async () => {
    const { place, blobs } = await killed()
    place.clock.advance(30 * day)
    await commit(blobs, alice, ...rkeys.map((rkey) => ({ action: 'delete' as const, uri: uriOf(alice, rkey) })))
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
    place.clock.advance(2 * day)
    expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
  })

  // Fails when a step does not check whether the account was deleted.
  test('lets nothing reference the blob once its account is deleted', async () => {
    const { place, blobs } = await killed()
    const metadata = await place.metadata().open()
    onTestFinished(() => metadata.close())
    await metadata.markDeleted(alice)
    expect(await metadata.meetExpectations(alice, cid)).toEqual({ differing: [], waiting: false })
    expect(await metadata.recordsFor(alice, cid, {})).toHaveLength(250 * (transactions + 1))
    await blobs.collect()
    expect(await metadata.recordsFor(alice, cid, {})).toEqual([])
  })

  test('leaves the rest to the next upload of the blob', async () => {
    const { blobs } = await killed()
    await uploaded(blobs)
    await expectAllReference(blobs)
  })

  // Fails when a record that is written meanwhile makes the blob permanent: it is never examined again.
  test('leaves it to be examined, although another record references it', async () => {
    const { place, blobs } = await killed()
    await commit(blobs, alice, { action: 'create', uri: uriOf(alice, rkeys[0] ?? ''), record: { claim } })
    place.clock.advance(2 * day)
    await blobs.collect()
    await expectAllReference(blobs)
  })
})
