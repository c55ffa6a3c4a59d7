import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { cidOfBytes, isBlobStoreError } from '../../src/index.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, chunks, day, hour, post, text, unpost } from '../support/samples.ts'

describe.each(places)('upload to $name', ({ make }) => {
  test('returns the CID, type and size of the bytes', async () => {
    const blobs = make().store()
    const ref = await blobs.upload(alice, bytes('hello'), { mimeType: 'text/plain; charset=utf-8' })
    expect(JSON.parse(JSON.stringify(ref))).toEqual({
      $type: 'blob',
      ref: { $link: cidOfBytes(bytes('hello')) },
      mimeType: 'text/plain',
      size: 5,
    })
  })

  test('accepts every kind of source', async () => {
    const blobs = make().store()
    const sources = [
      bytes('some text'),
      new Blob(['some', ' text']),
      Readable.from([bytes('some'), bytes(' text')]),
      new Response('some text').body,
      chunksOf('some text'),
    ]
    for (const source of sources) {
      const ref = await blobs.upload(alice, source)
      expect(ref.ref.toString()).toBe(cidOfBytes(bytes('some text')))
      expect(ref.mimeType).toBe('application/octet-stream')
    }
    expect((await blobs.upload(alice, null)).size).toBe(0)
    expect(await blobs.usage(alice)).toEqual({ bytes: 9, count: 2, reserved: 0, pending: 36 })
  })

  test('stores what is larger than the memory limit, byte for byte', async () => {
    const blobs = make().store({ limits: { maxBlobSize: 20_000_000, accept: ['*/*'] } })
    const size = 97 * 100_003
    const ref = await blobs.upload(alice, chunks(97, 100_003))
    expect(ref.size).toBe(size)
    await post(blobs, alice, 'large', ref)
    const stored = await (await blobs.read(alice, ref.ref)).bytes()
    expect(stored.byteLength).toBe(size)
    expect(cidOfBytes(stored)).toBe(ref.ref.toString())
    expect(await blobs.usage(alice)).toEqual({ bytes: size, count: 1, reserved: 0, pending: 0 })
  })

  test('accepts a blob of exactly the limit, and refuses one byte more', async () => {
    const blobs = make().store({ limits: { maxBlobSize: 2_000_000, accept: ['*/*'] } })
    const most = new Uint8Array(2_000_000)
    expect((await blobs.upload(alice, most)).size).toBe(2_000_000)
    const more = new Uint8Array(2_000_001)
    await expect(blobs.upload(alice, more)).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    await expect(blobs.upload(alice, chunks(667, 3000))).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    expect(await blobs.usage(alice)).toMatchObject({ count: 1, reserved: 0 })
  })

  // Fails when the largest blob size is not checked: then 2 ** 53 bytes are reserved, and counters drift.
  test('reserves nothing for more bytes than any blob has, with limits or without', async () => {
    const blobs = make().store({ limits: { maxBlobSize: 2 ** 40 } })
    for (const enforceLimits of [true, false]) {
      const huge = blobs.upload(alice, chunks(1, 10), { size: Number.MAX_SAFE_INTEGER, enforceLimits })
      await expect(huge).rejects.toMatchObject({ code: 'PayloadTooLarge' })
    }
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
  })

  test('refuses a size that is not the announced one', async () => {
    const blobs = make().store()
    for (const size of [0, 4, 6, 2_000_000]) {
      await expect(blobs.upload(alice, bytes('hello'), { size })).rejects.toMatchObject({ code: 'InvalidSize' })
      await expect(blobs.upload(alice, chunksOf('hello'), { size })).rejects.toMatchObject({ code: 'InvalidSize' })
    }
    expect((await blobs.upload(alice, chunksOf('hello'), { size: 5 })).size).toBe(5)
    expect(await blobs.usage(alice)).toEqual({ bytes: 5, count: 1, reserved: 0, pending: 0 })
  })

  test('accepts only the bytes of a given CID, and keeps the date of the original', async () => {
    const blobs = make().store()
    const cid = cidOfBytes(bytes('hello'))
    for (const content of [bytes('jello'), chunks(3, 700_000)]) {
      const refused = await blobs.upload(alice, content, { cid }).catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'CidMismatch', did: alice, cid })
    }
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
    const createdAt = new Date('2024-05-06T07:08:09Z')
    await blobs.upload(alice, bytes('hello'), { cid, createdAt })
    expect(await blobs.stat(alice, cid, { as: 'account' })).toMatchObject({ createdAt })
    await expect(blobs.upload(alice, bytes('x'), { createdAt: new Date('never') })).rejects.toThrow('createdAt')
    await expect(blobs.upload(alice, bytes('x'), { cid: 'bafyno' })).rejects.toMatchObject({ code: 'InvalidCid' })
  })

  test('refuses an executable that is declared as a PNG, and a type that is not accepted', async () => {
    const blobs = make().store({ limits: { accept: ['image/*'] } })
    const executable = Buffer.concat([bytes('MZ'), new Uint8Array(200)])
    const upload = blobs.upload(alice, executable, { mimeType: 'image/png' })
    await expect(upload).rejects.toMatchObject({ code: 'InvalidMimeType' })
    await expect(blobs.upload(alice, bytes('x'), { mimeType: 'text/plain' })).rejects.toMatchObject({
      code: 'InvalidMimeType',
    })
    await expect(blobs.upload(alice, bytes('x'), { mimeType: 'no type' })).rejects.toMatchObject({
      code: 'InvalidMimeType',
    })
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
  })

  test('sniffs the bytes if no type is declared: none, a range, or an invalid one', async () => {
    const blobs = make().store({ limits: { accept: ['*/*'] } })
    const gif = Buffer.concat([bytes('GIF89a'), new Uint8Array(20)])
    for (const enforceLimits of [true, false]) {
      for (const mimeType of [
        undefined,
        '*/*',
        'image/*',
        '',
        'null',
        'image',
        'image/png, image/png',
        'a/b\r\nc: d',
      ]) {
        expect(
          (await blobs.upload(alice, gif, { mimeType, enforceLimits })).mimeType,
          `${mimeType} ${enforceLimits}`,
        ).toBe('image/gif')
      }
    }
    const named = await blobs.upload(alice, bytes('a,b'), { mimeType: 'undefined', fileName: 'table.csv' })
    expect(named.mimeType).toBe('text/csv')
    await expect(blobs.upload(alice, gif, { mimeType: 7 as never })).rejects.toMatchObject({ code: 'InvalidArgument' })
  })

  test('stores text as the declared text type, whatever its first letters', async () => {
    const blobs = make().store({ limits: { accept: ['*/*'] } })
    const of = async (content: Uint8Array, mimeType: string) =>
      (await blobs.upload(alice, content, { mimeType })).mimeType
    expect(await of(bytes('MZ,name,age\n1,2,3\n'), 'text/csv')).toBe('text/csv')
    expect(await of(Buffer.concat([bytes('MZ,name'), new Uint8Array(9)]), 'text/csv')).toBe('application/x-msdownload')
  })

  test('leaves nothing when its source fails half-way', async () => {
    const { store, backend } = make()
    const blobs = store()
    for (const size of [1_000, 500_000]) {
      const upload = blobs.upload(alice, failing(size))
      await expect(upload).rejects.toSatisfy((error) => isBlobStoreError(error, 'UploadInterrupted'))
      await expect(upload).rejects.toMatchObject({ cause: { message: 'the line went dead' } })
    }
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0, pending: 0 })
    expect((await backend().list()).keys).toEqual([])
  })

  test('rejects with the reason of an abort, and leaves nothing', async () => {
    const { store } = make()
    const blobs = store()
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; ; count++) {
        if (count === 40) controller.abort(reason)
        yield new Uint8Array(50_000)
      }
    }
    await expect(blobs.upload(alice, endless(), { signal: controller.signal })).rejects.toBe(reason)
    await expect(blobs.upload(alice, bytes('x'), { signal: controller.signal })).rejects.toBe(reason)
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0, pending: 0 })
  })

  test('gives up on a source that is silent, and on one that never ends', async () => {
    const blobs = make().store({ times: { idle: 30, upload: 200 }, limits: { accept: ['*/*'] } })
    const silent = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(bytes('x')) })
    await expect(blobs.upload(alice, silent)).rejects.toMatchObject({ code: 'UploadTimeout', transient: true })
    async function* dripping(): AsyncGenerator<Uint8Array> {
      while (true) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        yield bytes('x')
      }
    }
    await expect(blobs.upload(alice, dripping())).rejects.toMatchObject({ code: 'UploadTimeout' })
    async function* empty(): AsyncGenerator<Uint8Array> {
      while (true) yield new Uint8Array(0)
    }
    await expect(blobs.upload(alice, empty())).rejects.toMatchObject({ message: expect.stringContaining('30 ms') })
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
  })

  test('with its limits off accepts what a host has checked itself', async () => {
    const blobs = make().store({
      limits: { maxBlobSize: 5, accept: ['image/png'], allowEmpty: false, quota: { bytes: 1 } },
    })
    const off = { enforceLimits: false } as const
    expect(await blobs.upload(alice, bytes(''), off)).toMatchObject({ size: 0, mimeType: 'application/octet-stream' })
    const declared = { ...off, mimeType: 'image/png' }
    expect(await blobs.upload(alice, bytes('no picture'), declared)).toMatchObject({ mimeType: 'image/png' })
    expect(await blobs.upload(alice, chunks(30, 100_000), off)).toMatchObject({ size: 3_000_000 })
    expect(await blobs.usage(alice)).toMatchObject({ count: 3, reserved: 0 })
    await expect(blobs.upload(alice, bytes('longer than 5'), { enforceLimits: true })).rejects.toThrow('larger than 5')
    await expect(blobs.upload(alice, bytes('x'), { enforceLimits: 'no' as never })).rejects.toThrow(
      'upload: enforceLimits',
    )
  })

  test('stores the bytes of two accounts once, and neither account can notice', async () => {
    const { store, backend, clock } = make()
    const blobs = store()
    const first = await blobs.upload(alice, bytes('shared'))
    const second = await blobs.upload(bob, bytes('shared'))
    expect(JSON.stringify(second)).toBe(JSON.stringify(first))
    await post(blobs, alice, 'a', first)
    await post(blobs, bob, 'b', second)
    clock.advance(3 * day)
    await blobs.collect()
    expect((await backend().list()).keys).toHaveLength(1)
    expect(await blobs.usage(alice)).toEqual({ bytes: 6, count: 1, reserved: 0, pending: 0 })
    expect(await blobs.usage(bob)).toEqual({ bytes: 6, count: 1, reserved: 0, pending: 0 })
  })

  test('uses the type that the newest declares, while no record references the blob', async () => {
    const blobs = make().store()
    const typeAs = async (did: string, mimeType?: string) => {
      const { ref, ...answer } = await blobs.upload(did, bytes('a,b'), { mimeType })
      expect(await blobs.stat(did, ref, { as: 'account' })).toMatchObject({ mimeType: answer.mimeType })
      return answer.mimeType
    }
    expect(await typeAs(alice, 'text/plain')).toBe('text/plain')
    expect(await typeAs(alice, 'text/csv'), 'a mistake put right').toBe('text/csv')
    for (const nothing of [undefined, '*/*', 'application/octet-stream']) {
      expect(await typeAs(alice, nothing), String(nothing)).toBe('text/csv')
    }
    expect(await typeAs(bob, 'text/plain'), 'another account').toBe('text/plain')

    await post(blobs, alice, 'a', await blobs.upload(alice, bytes('a,b')))
    expect(await typeAs(alice, 'text/plain'), 'a record names it as text/csv').toBe('text/csv')
    await unpost(blobs, alice, 'a')
    expect(await typeAs(alice, 'text/plain')).toBe('text/plain')
  })

  test('renews the grace period when it is repeated', async () => {
    const { store, clock } = make()
    const blobs = store({ times: { grace: 2 * hour } })
    const ref = await blobs.upload(alice, bytes('again'))
    clock.advance(1.5 * hour)
    await blobs.upload(alice, bytes('again'))
    clock.advance(1.5 * hour)
    await blobs.collect()
    expect(await blobs.stat(alice, ref.ref, { as: 'account' })).toMatchObject({ size: 5 })
    clock.advance(hour)
    await blobs.collect()
    expect(await blobs.stat(alice, ref.ref, { as: 'account' })).toBeNull()
  })

  test.each([
    { looked: 'lately, and drops those just received', ago: 0.9 * hour, kept: true },
    { looked: 'long ago no more, but those just received', ago: 2 * hour, kept: false },
  ])('keeps bytes that were looked at $looked', async ({ ago, kept }) => {
    const { store, backend, clock } = make()
    const blobs = store({ times: { fresh: hour } })
    const ref = await blobs.upload(alice, bytes('old and new'))
    await post(blobs, alice, 'a', ref)
    const [before] = (await backend().list()).keys
    clock.advance(ago)
    await blobs.upload(bob, bytes('old and new'))
    expect((await backend().list()).keys).toHaveLength(2)
    clock.advance(2 * day)
    await blobs.collect()
    const [after, ...others] = (await backend().list()).keys
    expect([after === before, others]).toEqual([kept, []])
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('old and new')
  })

  test('stores one live copy for 64 concurrent uploads of one blob', async () => {
    const { store, backend, clock } = make()
    const blobs = store()
    const refs = await Promise.all(Array.from({ length: 64 }, () => blobs.upload(alice, bytes('popular'))))
    expect(new Set(refs.map((ref) => ref.ref.toString())).size).toBe(1)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: 7, count: 1, reserved: 0 })
    await post(blobs, alice, 'a', refs[0])
    clock.advance(2 * day)
    await blobs.collect()
    expect((await backend().list()).keys).toHaveLength(1)
  })
})

async function* chunksOf(letters: string): AsyncGenerator<Uint8Array> {
  for (const letter of letters) yield bytes(letter)
}

async function* failing(size: number): AsyncGenerator<Uint8Array> {
  for (let count = 0; count < 5; count++) yield new Uint8Array(size)
  throw new Error('the line went dead')
}
