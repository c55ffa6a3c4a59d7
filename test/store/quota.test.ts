import { describe, expect, test } from 'vitest'
import {
  type AccountQuota,
  type BlobSource,
  type BlobStore,
  cidOfBytes,
  type UploadInspection,
} from '../../src/index.ts'
import { Gate, meddle } from '../support/meddling.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, chunks, day, hour, post, unpost } from '../support/samples.ts'

const limits = (quota: AccountQuota) => ({ limits: { accept: ['*/*'], maxBlobSize: 10_000_000, quota } })
const reached = { code: 'QuotaExceeded' }

describe.each(places)('the quota of an account on $name', ({ make }) => {
  test('allows exactly so many bytes, in memory or spooled, and not one more', async () => {
    for (const size of [1000, 2_000_000]) {
      const blobs = make().store(limits({ bytes: size }))
      await blobs.upload(alice, new Uint8Array(size).fill(1))
      await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject(reached)
      await blobs.upload(bob, bytes('x'))
      expect(await blobs.usage(alice)).toEqual({ bytes: size, count: 1, reserved: 0, pending: 0 })
    }
  })

  test('allows exactly so many blobs', async () => {
    const blobs = make().store(limits({ blobs: 3 }))
    for (const name of ['a', 'b', 'c']) await blobs.upload(alice, bytes(name))
    await expect(blobs.upload(alice, bytes('d'))).rejects.toMatchObject(reached)
    expect(await blobs.usage(alice)).toMatchObject({ count: 3, reserved: 0 })
  })

  test('limits temporary blobs', async () => {
    const blobs = make().store(limits({ temporaryBlobs: 2 }))
    const ref = await blobs.upload(alice, bytes('a'))
    await blobs.upload(alice, bytes('b'))
    await expect(blobs.upload(alice, bytes('c'))).rejects.toMatchObject({ ...reached, transient: true })
    await post(blobs, alice, 'a', ref)
    await blobs.upload(alice, bytes('c'))
  })

  test('is freed by deletions, but deleting in a loop is limited too', async () => {
    const { store, clock } = make()
    const blobs = store(limits({ bytes: 10, pendingBytes: 15 }))
    const write = async (text: string) => post(blobs, alice, 'a', await blobs.upload(alice, bytes(text)))
    const drop = async () => {
      await unpost(blobs, alice, 'a')
      clock.advance(day)
      await blobs.collect()
    }
    await write('ten bytes!')
    await drop()
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 10 })
    clock.advance(-1000)
    await write('ten others')
    await drop()
    clock.advance(-1000)
    await expect(blobs.upload(alice, bytes('x'))).rejects.toMatchObject({ ...reached, transient: true })
    clock.advance(2 * day)
    await blobs.collect()
    await write('ten more..')
  })

  test('gives an upload of unknown length the rest', async () => {
    const blobs = make().store(limits({ bytes: 3_000_000 }))
    await expect(blobs.upload(alice, chunks(31, 100_000))).rejects.toMatchObject(reached)
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
    await blobs.upload(alice, chunks(30, 100_000))
    expect(await blobs.usage(alice)).toEqual({ bytes: 3_000_000, count: 1, reserved: 0, pending: 0 })
  })

  test('holds for concurrent uploads', async () => {
    const blobs = make().store(limits({ bytes: 1000 }))
    const outcomes = await uploadAtOnce(blobs, 60, 37)
    expect(outcomes.filter((outcome) => outcome === 'stored')).toHaveLength(Math.floor(1000 / 37))
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 27 * 37, count: 27, reserved: 0 })
  })

  test('counts running uploads that are inspected or spooled as blobs, until they end', async () => {
    const { store, backend } = make()
    const inner = backend()
    let gate = new Gate()
    let slow = true
    const blobs = store({
      ...limits({ blobs: 2, temporaryBlobs: 2 }),
      hooks: { inspect: async () => undefined },
      backend: meddle(inner, {
        async put(key, body, options) {
          if (slow) await gate.pass()
          await inner.put(key, body, options)
        },
      }),
    })
    for (const source of [() => bytes('x'), () => chunks(30, 50_000)]) {
      gate = new Gate()
      slow = true
      const first = blobs.upload(alice, source())
      await gate.reached
      slow = false
      await blobs.upload(alice, bytes('second'))
      await expect(blobs.upload(alice, bytes('third'))).rejects.toMatchObject(reached)
      gate.open()
      await first
      await blobs.deleteAccount(alice)
      await blobs.reopenAccount(alice)
    }
  })

  test('is as free as before after uploads that failed', async () => {
    const { store, clock } = make()
    const other = { did: bob, cid: cidOfBytes(bytes('hidden')) }
    const inspect = async ({ mimeType }: UploadInspection) => {
      if (mimeType !== 'text/x-slow') return mimeType === 'text/x-bad' ? { refuse: 'it is bad' } : undefined
      clock.advance(2 * hour)
      await blobs.collect()
      return undefined
    }
    const blobs: BlobStore = store({
      limits: { accept: ['text/*'], quota: { bytes: 6, blobs: 1, pendingBytes: 100 } },
      hooks: { inspect },
    })
    await blobs.takedown(other.did, other.cid)
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytes('x')
      throw new Error('the line went dead')
    }
    const upload = (body: BlobSource, mimeType: string) => blobs.upload(bob, body, { mimeType })
    await expect(upload(failing(), 'text/plain')).rejects.toMatchObject({ code: 'UploadInterrupted' })
    await expect(upload(bytes('x'), 'image/png')).rejects.toMatchObject({ code: 'InvalidMimeType' })
    await expect(upload(bytes('x'), 'text/x-bad')).rejects.toMatchObject({ code: 'BlobRefused' })
    await expect(upload(bytes('x'), 'text/x-slow')).rejects.toMatchObject({ code: 'UploadExpired' })
    await expect(upload(bytes('hidden'), 'text/plain')).rejects.toMatchObject({ code: 'BlobTakenDown' })
    await expect(upload(bytes('too much'), 'text/plain')).rejects.toMatchObject(reached)
    expect(await blobs.usage(bob)).toMatchObject({ bytes: 0, count: 0, reserved: 0 })
    await upload(bytes('enough'), 'text/plain')
    expect(await blobs.usage(bob)).toMatchObject({ bytes: 6, count: 1, reserved: 0 })
    await expect(upload(bytes(''), 'text/plain')).rejects.toMatchObject(reached)
  })

  test('may differ from account to account', async () => {
    const quota = async (did: string) => (did === alice ? { bytes: 5 } : {})
    const blobs = make().store({ limits: { accept: ['*/*'], quota } })
    await expect(blobs.upload(alice, bytes('123456'))).rejects.toMatchObject(reached)
    await blobs.upload(bob, bytes('123456'))
  })

  // Fails without `#makeRoom` of src/store/upload/slots.ts: then the first accounts keep all others out.
  test('limits concurrent uploads, of one account and in all, and shares the slots', async () => {
    const blobs = make().store({ limits: { accept: ['*/*'], uploads: { account: 2, total: 3 } } })
    const open: (() => void)[] = []
    const slow = async function* () {
      await new Promise<void>((resolve) => open.push(resolve))
      yield bytes('x')
    }
    const running = [blobs.upload(alice, slow()), blobs.upload(alice, slow())]
    while (open.length < 2) await new Promise((resolve) => setImmediate(resolve))
    await expect(blobs.upload(alice, bytes('y'))).rejects.toMatchObject({ code: 'TooManyUploads', transient: true })
    running.push(blobs.upload(bob, slow()))
    while (open.length < 3) await new Promise((resolve) => setImmediate(resolve))
    running.push(blobs.upload('did:plc:carol', slow()))
    await expect(running[1], 'the newest of who has the most').rejects.toMatchObject({
      ...{ code: 'TooManyUploads', transient: true, did: alice },
      message: expect.stringContaining('others wait'),
    })
    while (open.length < 4) await new Promise((resolve) => setImmediate(resolve))
    for (const did of ['did:plc:dave', alice, bob]) {
      await expect(blobs.upload(did, bytes('y')), 'all have one').rejects.toMatchObject({ code: 'TooManyUploads' })
    }
    for (const go of open) go()
    await Promise.all([running[0], running[2], running[3]])
    await Promise.all([blobs.upload(alice, bytes('y')), blobs.upload(alice, bytes('z')), blobs.upload(bob, bytes('y'))])
    expect(await blobs.usage(alice)).toMatchObject({ reserved: 0 })
  })
})

async function uploadAtOnce(blobs: BlobStore, count: number, size: number): Promise<string[]> {
  const uploads = Array.from({ length: count }, (_, index) => blobs.upload(alice, new Uint8Array(size).fill(index)))
  const settled = await Promise.allSettled(uploads)
  return settled.map((upload) => (upload.status === 'fulfilled' ? 'stored' : upload.reason.code))
}
