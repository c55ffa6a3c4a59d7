import { describe, expect, test, vi } from 'vitest'
import type { InaccessibleEvent, UploadInspection } from '../../src/index.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, chunks, day, post, text, unpost } from '../support/samples.ts'

describe.each(places)('the hooks on $name', ({ make }) => {
  test('get each upload, with its bytes, before it is acknowledged', async () => {
    const seen: unknown[] = []
    const inspect = async (upload: UploadInspection) => {
      const { did, cid, mimeType, size } = upload
      seen.push({ did, cid, mimeType, size, text: (await text(upload.read())).slice(0, 10) })
      expect(await text(upload.read())).toHaveLength(size)
      return undefined
    }
    const blobs = make().store({ hooks: { inspect } })
    const small = await blobs.upload(alice, bytes('hello'), { mimeType: 'text/plain' })
    await blobs.upload(bob, bytes('hello'), { mimeType: 'text/html' })
    const large = await blobs.upload(alice, chunks(2, 800_000, 65))
    expect(seen).toEqual([
      { did: alice, cid: small.ref.toString(), mimeType: 'text/plain', size: 5, text: 'hello' },
      { did: bob, cid: small.ref.toString(), mimeType: 'text/html', size: 5, text: 'hello' },
      {
        did: alice,
        cid: large.ref.toString(),
        mimeType: 'application/octet-stream',
        size: 1_600_000,
        text: 'AAAAAAAAAA',
      },
    ])
  })

  test('may refuse an upload, which then leaves nothing', async () => {
    const { store, backend, clock } = make()
    const blobs = store({ hooks: { inspect: async () => ({ refuse: 'it is on a list' }) } })
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject({
      code: 'BlobRefused',
      message: expect.stringContaining('it is on a list'),
      transient: false,
    })
    clock.advance(2 * day)
    await blobs.collect()
    expect((await backend().list()).keys).toEqual([])
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
  })

  // Fails when a failure is `BlobRefused`, which is final, or is not logged.
  test('that fail or take too long refuse the upload, and the failure is logged', async () => {
    let inspect = (_upload: UploadInspection): Promise<undefined> => Promise.reject(new Error('scanner is down'))
    const error = vi.fn()
    const logger = { info() {}, warn() {}, error }
    const blobs = make().store({ hooks: { inspect: (upload) => inspect(upload) }, times: { inspect: 20 }, logger })
    const refused = { code: 'InspectionFailed', transient: true }
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject(refused)
    let aborted = false
    inspect = ({ signal }) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
      })
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject(refused)
    expect(aborted).toBe(true)
    // Neither yes nor no: a host in plain JavaScript that forgot the reason.
    inspect = async () => ({ reason: 'on a list' }) as never
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject(refused)
    expect(error.mock.calls.map(([, message]) => message)).toEqual([
      'The hook inspect failed: the upload was not acknowledged',
      'The hook inspect took longer than 20 ms: the upload was not acknowledged',
      'The hook inspect failed: the upload was not acknowledged',
    ])
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
  })

  test('are called when a blob is no longer visible', async () => {
    const told: InaccessibleEvent[] = []
    const blobs = make().store({ hooks: { onInaccessible: (event) => void told.push(event) } })
    const ref = await blobs.upload(alice, bytes('seen'))
    const cid = ref.ref.toString()
    await post(blobs, alice, 'a', ref)
    await post(blobs, alice, 'b', ref)
    await unpost(blobs, alice, 'a')
    expect(told).toEqual([])
    await unpost(blobs, alice, 'b')
    await blobs.takedown(alice, cid)
    await blobs.takedown('*', cid)
    await blobs.deleteAccount(alice)
    await vi.waitFor(() => expect(told).toHaveLength(4))
    expect(told).toEqual([
      { did: alice, cid, because: 'hidden' },
      { did: alice, cid, because: 'takenDown' },
      { did: '*', cid, because: 'takenDown' },
      { did: alice, cid: null, because: 'accountDeleted' },
    ])
  })

  test('that fail are logged, and do no harm', async () => {
    const error = vi.fn()
    const onInaccessible = () => Promise.reject(new Error('the cache is down'))
    const blobs = make().store({ hooks: { onInaccessible }, logger: { info() {}, warn() {}, error } })
    const ref = await blobs.upload(alice, bytes('x'))
    await blobs.takedown(alice, ref.ref)
    await vi.waitFor(() => expect(error).toHaveBeenCalledOnce())
  })

  describe('referenced', () => {
    test('is called before temporary blobs are forgotten, and keeps those that it names', async () => {
      const { store, clock } = make()
      const asked: unknown[] = []
      const [kept, gone] = [bytes('kept'), bytes('gone')]
      const blobs = store()
      const refs = [await blobs.upload(alice, kept), await blobs.upload(alice, gone)] as const
      const cids = refs.map(({ ref }) => ref.toString())
      // Set after the store was created, as a host does that is created later.
      blobs.setHooks({
        async referenced(did, some) {
          asked.push([did, [...some].sort()])
          return [cids[0] as string, 'a CID that nobody asked for']
        },
      })
      clock.advance(2 * day)
      expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
      expect(asked).toEqual([[alice, [...cids].sort()]])
      expect(await blobs.stat(alice, refs[0].ref, { as: 'account' })).not.toBeNull()
      expect(await blobs.stat(alice, refs[1].ref, { as: 'account' })).toBeNull()
      expect(await blobs.collect()).toMatchObject({ expiredBlobs: 0 })
      expect(asked).toHaveLength(1)
    })

    test('keeps everything of an account when it throws, and others are still collected', async () => {
      const { store, clock } = make()
      const blobs = store({
        hooks: {
          referenced: async (did) => {
            if (did === alice) throw new Error('locked')
            return []
          },
        },
      })
      const ofAlice = await blobs.upload(alice, bytes('one'))
      await blobs.upload(bob, bytes('two'))
      clock.advance(2 * day)
      expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
      expect(await blobs.stat(alice, ofAlice.ref, { as: 'account' })).not.toBeNull()
    })
  })
})
