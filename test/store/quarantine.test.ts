import { describe, expect, test, vi } from 'vitest'
import { type BlobStoreHooks, cidOfBytes, type QuarantinedEvent, type UploadInspection } from '../../src/index.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, day, nextRev, post, text, unpost, uriOf } from '../support/samples.ts'

const reason = 'scanner: looks like spam'
/** Quarantines what begins with "bad". */
const inspect = async ({ read }: UploadInspection) =>
  (await text(read())).startsWith('bad') ? { quarantine: reason } : undefined
const cid = cidOfBytes(bytes('bad'))
const hooks: BlobStoreHooks = { inspect }
const missing = { code: 'BlobNotFound' }

describe.each(places)('a quarantined upload, in $name', ({ make }) => {
  test('is stored and may be referenced, and only moderators see it until it is released', async () => {
    const blobs = make().store({ hooks })
    const ref = await blobs.upload(alice, bytes('bad'), { mimeType: 'text/plain' })
    expect(ref).toMatchObject({ mimeType: 'text/plain', size: 3 })
    await post(blobs, alice, 'a', ref)
    await post(blobs, alice, 'b', await blobs.upload(alice, bytes('good')))

    await expect(blobs.read(alice, cid)).rejects.toMatchObject(missing)
    await expect(blobs.read(alice, cid, { as: 'account' })).rejects.toMatchObject(missing)
    expect(await blobs.stat(alice, cid)).toBeNull()
    expect((await blobs.listPublic(alice)).items).toEqual([cidOfBytes(bytes('good'))])
    expect((await blobs.listMissing(alice)).items).toEqual([])
    const takedown = { ref: reason, by: 'inspect', quarantined: true, everyAccount: false }
    expect(await blobs.stat(alice, cid, { as: 'moderator' })).toMatchObject({ takenDown: true, takedown })
    expect(await text((await blobs.read(alice, cid, { as: 'moderator' })).chunks)).toBe('bad')

    const listed = { did: alice, cid, ref: reason, by: 'inspect', purged: false, quarantined: true }
    expect((await blobs.listTakedowns({ quarantined: true })).items).toMatchObject([listed])
    expect((await blobs.listTakedowns({ cid, quarantined: true })).items).toMatchObject([listed])
    expect((await blobs.listTakedowns({ quarantined: false })).items).toEqual([])
    expect((await blobs.listTakedowns({ cid, quarantined: false })).items).toEqual([])
    expect(await blobs.stats()).toMatchObject({ quarantinedCount: 1 })

    expect(await blobs.reverseTakedown(alice, cid)).toEqual({ reversed: true, stillTakenDown: false })
    expect(await text((await blobs.read(alice, cid)).chunks)).toBe('bad')
    expect((await blobs.listTakedowns()).items).toEqual([])
    expect(await blobs.stats()).toMatchObject({ quarantinedCount: 0 })
  })

  test('stays quarantined when it is uploaded again, whatever the inspection says then', async () => {
    const blobs = make().store({ hooks })
    const ref = await blobs.upload(alice, bytes('bad'))
    await blobs.upload(alice, bytes('bad'))
    blobs.setHooks({ inspect: undefined })
    await blobs.upload(alice, bytes('bad'))
    await post(blobs, alice, 'a', ref)
    expect(await blobs.stat(alice, cid)).toBeNull()
    expect((await blobs.listTakedowns()).items).toHaveLength(1)
  })

  // Fails when a scanner that is down hides what was public before it was.
  test('is not what the account has already, accepted before or released', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('bad'))
    blobs.setHooks(hooks)
    await blobs.upload(alice, bytes('bad'))
    await post(blobs, alice, 'a', ref)
    expect(await blobs.stat(alice, cid)).not.toBeNull()
    const released = await blobs.upload(alice, bytes('bad too'))
    await blobs.reverseTakedown(alice, released.ref)
    await blobs.upload(alice, bytes('bad too'))
    await post(blobs, alice, 'b', released)
    expect(await blobs.stat(alice, released.ref)).not.toBeNull()
    expect((await blobs.listTakedowns()).items).toEqual([])
  })

  test('is of one account: others have their own verdict and their own release', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(bob, bytes('bad'))
    await post(blobs, bob, 'a', ref)
    blobs.setHooks(hooks)
    await post(blobs, alice, 'a', await blobs.upload(alice, bytes('bad')))
    expect(await blobs.stat(alice, cid)).toBeNull()
    expect(await blobs.stat(bob, cid)).not.toBeNull()
    await blobs.reverseTakedown(bob, cid)
    expect(await blobs.stat(alice, cid)).toBeNull()
  })

  test('becomes a takedown like any other when a moderator takes it down', async () => {
    const { store } = make()
    const blobs = store({ hooks })
    const ref = await blobs.upload(alice, bytes('bad'))
    await post(blobs, alice, 'a', ref)
    await blobs.takedown(alice, cid, { by: 'mod@example.com' })
    const [decided] = (await blobs.listTakedowns({ quarantined: false })).items
    expect(decided).toMatchObject({ ref: reason, by: 'mod@example.com', quarantined: false })
    await expect(blobs.upload(alice, bytes('bad'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await expect(post(blobs, alice, 'b', ref)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await blobs.takedown(alice, cid, { ref: 'case 1' })
    expect((await blobs.listTakedowns()).items).toMatchObject([{ ref: 'case 1', by: null }])
    await blobs.takedown(alice, cid)
    expect((await blobs.listTakedowns()).items).toMatchObject([{ ref: null, by: null }])
  })

  test('can be released only as long as it is quarantined: a decision made meanwhile stands', async () => {
    const blobs = make().store({ hooks })
    const onlyQuarantined = true
    await blobs.upload(alice, bytes('bad'))
    await blobs.takedown(alice, cid)
    expect(await blobs.reverseTakedown(alice, cid, { onlyQuarantined })).toEqual({
      reversed: false,
      stillTakenDown: true,
    })
    await blobs.upload(bob, bytes('bad'))
    expect(await blobs.reverseTakedown(bob, cid, { onlyQuarantined })).toEqual({
      reversed: true,
      stillTakenDown: false,
    })
    for (const wrong of ['yes', 1, null]) {
      await expect(blobs.reverseTakedown(bob, cid, { onlyQuarantined: wrong as never })).rejects.toThrow(
        'true or false',
      )
      await expect(blobs.listTakedowns({ quarantined: wrong as never })).rejects.toThrow('true or false')
    }
  })

  test('stays hidden when a takedown of all accounts is reversed', async () => {
    const blobs = make().store({ hooks })
    await blobs.takedown('*', cid)
    await expect(blobs.upload(alice, bytes('bad'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
    const ref = await blobs.upload(alice, bytes('bad'), { takenDown: 'store' })
    await expect(post(blobs, alice, 'a', ref)).rejects.toMatchObject({ code: 'BlobTakenDown' })
    expect(await blobs.reverseTakedown('*', cid)).toEqual({ reversed: true, stillTakenDown: true })
    await post(blobs, alice, 'a', ref)
    expect(await blobs.stat(alice, cid)).toBeNull()
  })

  test('leaves nothing when its account loses it, and is inspected anew when it comes back', async () => {
    const { store, clock, backend } = make()
    const blobs = store({ hooks })
    await blobs.upload(alice, bytes('bad'))
    await post(blobs, bob, 'b', await blobs.upload(bob, bytes('bad')))
    clock.advance(2 * day)
    await blobs.collect()
    expect((await blobs.listTakedowns()).items).toMatchObject([{ did: bob }])
    await unpost(blobs, bob, 'b')
    await blobs.upload(alice, bytes('bad'))
    expect((await blobs.listTakedowns()).items.map(({ did }) => did).toSorted()).toEqual([alice, bob].toSorted())
    await blobs.deleteAccount(alice)
    await blobs.deleteAccount(bob)
    expect((await blobs.listTakedowns()).items).toEqual([])
    clock.advance(4 * day)
    await blobs.collect()
    expect((await backend().list()).keys).toEqual([])
  })

  // Fails when the decision counts from the quarantine.
  test('is kept for moderators as long as a takedown holds it, and from their decision on once more', async () => {
    const { store, clock } = make()
    const blobs = store({ hooks, times: { takedownHold: 30 * day } })
    await blobs.upload(alice, bytes('bad'))
    await blobs.upload(alice, bytes('bad too'))
    clock.advance(20 * day)
    await blobs.collect()
    await blobs.takedown(alice, cid)
    clock.advance(20 * day)
    await blobs.collect()
    expect(await blobs.stat(alice, cid, { as: 'moderator' })).not.toBeNull()
    expect((await blobs.listTakedowns()).items).toMatchObject([{ cid, quarantined: false }])
    clock.advance(30 * day)
    await blobs.collect()
    expect(await blobs.stat(alice, cid, { as: 'moderator' })).toBeNull()
  })

  test.each(['*', alice])('is gone when it is purged of %s', async (whose) => {
    const { store, backend } = make()
    const blobs = store({ hooks })
    await post(blobs, alice, 'a', await blobs.upload(alice, bytes('bad')))
    await blobs.purge(whose, cid, { by: 'trust' })
    expect((await blobs.listTakedowns()).items).toMatchObject([{ did: whose, purged: true, quarantined: false }])
    expect((await backend().list()).keys).toEqual([])
    await expect(blobs.upload(alice, bytes('bad'))).rejects.toMatchObject({ code: 'BlobTakenDown' })
  })

  test('is told to the host once, after the commit; a failure of that hook is logged, and does no harm', async () => {
    const told: QuarantinedEvent[] = []
    const error = vi.fn()
    const onQuarantined = (event: QuarantinedEvent) => {
      told.push(event)
      if (told.length > 1) throw new Error('the mail server is down')
    }
    const onInaccessible = vi.fn()
    const blobs = make().store({
      hooks: { ...hooks, onQuarantined, onInaccessible },
      logger: { info() {}, warn() {}, error },
    })
    await blobs.upload(alice, bytes('good'))
    await blobs.upload(alice, bytes('bad'), { mimeType: 'text/plain' })
    await blobs.upload(alice, bytes('bad'))
    await blobs.upload(bob, bytes('bad'), { mimeType: 'text/html' })
    await vi.waitFor(() => expect(error).toHaveBeenCalledOnce())
    expect(told).toEqual([
      { did: alice, cid, mimeType: 'text/plain', size: 3, reason },
      { did: bob, cid, mimeType: 'text/html', size: 3, reason },
    ])
    expect(onInaccessible).not.toHaveBeenCalled()
  })

  test('in several requests is quarantined too, and may be finished again', async () => {
    const blobs = make().store({ hooks })
    const { id } = await blobs.resumable.create(alice, { size: 3 })
    await blobs.resumable.append(alice, id, 0, bytes('bad'))
    const ref = await blobs.resumable.finish(alice, id)
    expect(await blobs.resumable.finish(alice, id)).toEqual(ref)
    await post(blobs, alice, 'a', ref)
    expect(await blobs.stat(alice, cid)).toBeNull()
    expect((await blobs.listTakedowns({ quarantined: true })).items).toHaveLength(1)
  })

  test('of which one account asks twice at once is quarantined once', async () => {
    const told: unknown[] = []
    const blobs = make().store({ hooks: { ...hooks, onQuarantined: (event) => void told.push(event) } })
    await Promise.all([1, 2, 3, 4].map(() => blobs.upload(alice, bytes('bad'))))
    expect((await blobs.listTakedowns()).items).toHaveLength(1)
    await vi.waitFor(() => expect(told).toHaveLength(1))
  })

  test('is met by the records that wait for it, and stays hidden', async () => {
    const blobs = make().store({ hooks })
    const record = { $type: 'blob', ref: { $link: cid }, mimeType: 'text/plain', size: 3 }
    const write = { action: 'create', uri: uriOf(alice, 'a'), record } as const
    await blobs.applyWrites(alice, [write], { rev: nextRev(), missing: 'expect' })
    await blobs.upload(alice, bytes('bad'))
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
    expect(await blobs.stat(alice, cid)).toBeNull()
    await blobs.reverseTakedown(alice, cid)
    expect(await blobs.stat(alice, cid)).not.toBeNull()
  })
})
