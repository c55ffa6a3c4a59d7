import { describe, expect, test } from 'vitest'
import { type BlobStore, cidOfBytes } from '../../src/index.ts'
import { type Privacy, type PrivateDataFound, privateData } from '../../src/privacy.ts'
import { faultyBackend } from '../../src/testing.ts'
import { picture, secrets, shown } from '../privacy/pictures.ts'
import { stripped } from '../privacy/stripped.ts'
import { hostPlace, memoryPlace, places } from '../support/places.ts'
import { alice, bob, post } from '../support/samples.ts'

const limits = { accept: ['*/*'], maxBlobSize: 20_000_000 }
const MiB = 1024 * 1024

const read = async (blobs: BlobStore, cid: unknown, did = alice) =>
  (await blobs.read(did, String(cid), { as: 'account' })).bytes()

/** A real picture of several MiB: behind its coded bytes is a video, and so more than fits into memory. */
const large = async () => Buffer.concat([await picture('jpeg'), Buffer.alloc(3 * MiB, 'a moment before')])

describe.each(places)('a store that strips private data, on $name', ({ make }) => {
  const open = () => make().store({ limits, privacy: privateData() })

  test('stores, counts and answers with what is left', async () => {
    const blobs = open()
    const before = await picture('jpeg')
    const blob = await blobs.upload(alice, before)
    const after = await stripped(before)
    expect(blob).toMatchObject({ mimeType: 'image/jpeg', size: after.byteLength })
    expect(String(blob.ref)).toBe(cidOfBytes(after))
    expect(Buffer.compare(await read(blobs, blob.ref), after)).toBe(0)
    expect(await blobs.usage(alice)).toEqual({ bytes: after.byteLength, count: 1, reserved: 0, pending: 0 })
    await post(blobs, alice, 'picture', blob)
  })

  test('does so with what does not fit into memory, announced or not', async () => {
    const blobs = open()
    const before = await large()
    const after = await stripped(before)
    expect(after.byteLength).toBeLessThan(2000)
    for (const source of [before, [before.subarray(0, 100), before.subarray(100)]]) {
      const blob = await blobs.upload(alice, Array.isArray(source) ? sent(source) : source)
      expect(String(blob.ref)).toBe(cidOfBytes(after))
      expect(Buffer.compare(await read(blobs, blob.ref), after)).toBe(0)
    }
    expect(await blobs.usage(alice)).toMatchObject({ bytes: after.byteLength, count: 1, reserved: 0 })
  })

  test('does so with resumable uploads, whose state is that of what was sent', async () => {
    const blobs = open()
    const before = await large()
    const { id } = await blobs.resumable.create(alice, { size: before.byteLength })
    await blobs.resumable.append(alice, id, 0, before.subarray(0, 5))
    await blobs.resumable.append(alice, id, 5, before.subarray(5))
    const blob = await blobs.resumable.finish(alice, id)
    expect(String(blob.ref)).toBe(cidOfBytes(await stripped(before)))
    const sizes = { size: before.byteLength, offset: before.byteLength }
    expect(await blobs.resumable.stat(alice, id)).toMatchObject({ ...sizes, blob })
    expect(await blobs.resumable.finish(alice, id)).toEqual(blob)
    expect(await blobs.usage(alice)).toMatchObject({ bytes: blob.size, count: 1, reserved: 0 })
  })

  test('leaves alone what has a CID already: given, or named by a record', async () => {
    const blobs = open()
    const [given, named] = [await picture('jpeg'), await picture('png')]
    const blob = await blobs.upload(alice, given, { cid: cidOfBytes(given) })
    expect(Buffer.compare(await read(blobs, blob.ref), given)).toBe(0)
    const ref = { $type: 'blob', ref: { $link: cidOfBytes(named) }, mimeType: 'image/png', size: named.byteLength }
    const uri = `at://${alice}/app.bsky.feed.post/moved`
    const write = { action: 'create', uri, record: { $type: 'app.bsky.feed.post', embed: ref } } as const
    await blobs.applyWrites(alice, [write], { rev: '3kaaaaaaaaa22', missing: 'expect' })
    expect(String((await blobs.upload(alice, named)).ref)).toBe(cidOfBytes(named))
    // The records of one account say nothing about the uploads of another.
    expect(String((await blobs.upload(bob, named)).ref)).toBe(cidOfBytes(await stripped(named)))
  })
})

describe('a store that refuses private data', () => {
  const open = () => memoryPlace().store({ limits, privacy: privateData({ mode: 'refuse' }) })

  test('stores nothing of a file that names a place, and any other file', async () => {
    const blobs = open()
    for (const bytes of [await picture('jpeg'), await large()]) {
      await expect(blobs.upload(alice, bytes)).rejects.toMatchObject({ code: 'PrivateData', did: alice })
    }
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
    expect(await blobs.upload(alice, await picture('jpeg', { places: false }))).toMatchObject({
      mimeType: 'image/jpeg',
    })
  })

  test('ends a resumable upload of one', async () => {
    const blobs = open()
    const bytes = await picture('jpeg')
    const { id } = await blobs.resumable.create(alice)
    await blobs.resumable.append(alice, id, 0, bytes)
    await expect(blobs.resumable.finish(alice, id)).rejects.toMatchObject({ code: 'PrivateData' })
    expect(await blobs.resumable.stat(alice, id)).toBeNull()
    expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
  })
})

describe('the option privacy', () => {
  test('tells the host of what was found', async () => {
    const found: PrivateDataFound[] = []
    const blobs = memoryPlace().store({
      limits,
      privacy: privateData({ mode: 'warn', onFound: (one) => found.push(one) }),
    })
    const bytes = await picture('webp')
    expect(String((await blobs.upload(alice, bytes)).ref)).toBe(cidOfBytes(bytes))
    expect(found).toMatchObject([{ did: alice, size: bytes.byteLength, format: 'WebP', outcome: 'stored' }])
  })

  test('does not apply to an upload with privacy: false', async () => {
    const blobs = memoryPlace().store({ limits, privacy: privateData() })
    const bytes = await picture('jpeg')
    expect(String((await blobs.upload(alice, bytes, { privacy: false })).ref)).toBe(cidOfBytes(bytes))
    await expect(blobs.upload(alice, bytes, { privacy: true as never })).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
  })

  test('is what the hook inspect sees the result of', async () => {
    const seen: string[] = []
    const inspect = async ({ read }: { read(): AsyncIterable<Uint8Array> }) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of read()) chunks.push(Buffer.from(chunk))
      seen.push(
        await shown(Buffer.concat(chunks)),
        ...secrets.filter((secret) => Buffer.concat(chunks).includes(secret)),
      )
      return undefined
    }
    const blobs = memoryPlace().store({ limits, privacy: privateData(), hooks: { inspect } })
    const bytes = await picture('jpeg')
    await blobs.upload(alice, bytes)
    expect(seen).toEqual([await shown(bytes)])
  })

  test('leaves nothing behind when a spool fails while the upload is edited', async () => {
    const before = await large()
    // The first spool takes the upload, the second what becomes of it.
    for (const fault of [
      { on: 'readBack', at: 1 },
      { on: 'spool', at: 2 },
      { on: 'write', at: 3 },
      { on: 'put', at: 1 },
    ] as const) {
      const place = hostPlace()
      const backend = faultyBackend(place.backend(), { faults: [{ kind: 'fail', ...fault }] })
      const blobs = place.store({ limits, backend, privacy: privateData() })
      await expect(blobs.upload(alice, before)).rejects.toMatchObject({ code: 'StorageFailed' })
      expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0, reserved: 0 })
      expect(String((await blobs.upload(alice, before)).ref)).toBe(cidOfBytes(await stripped(before)))
      expect(await place.backend().sweepSpools(-1)).toBe(0)
    }
  })

  test('leaves nothing behind when the upload is aborted while it is examined', async () => {
    const place = hostPlace()
    const aborting = new AbortController()
    const privacy = privateData({ onFound: () => aborting.abort(new Error('the client left')) })
    const blobs = place.store({ limits, privacy })
    await expect(blobs.upload(alice, await large(), { signal: aborting.signal })).rejects.toThrow('the client left')
    expect(await blobs.usage(alice)).toEqual({ bytes: 0, count: 0, reserved: 0, pending: 0 })
    expect(await place.backend().sweepSpools(-1)).toBe(0)
  })

  test('gives others their turn while a file in memory is examined', async () => {
    let turns = 0
    const examine: Privacy['examine'] = async ({ read }) => {
      const counting = setInterval(() => (turns += 1), 1)
      for (const start = performance.now(); performance.now() - start < 200; ) await read(0, 1)
      clearInterval(counting)
      return []
    }
    await memoryPlace().store({ limits, privacy: { examine } }).upload(alice, new Uint8Array(10))
    expect(turns).toBeGreaterThan(3)
  })

  test('refuses changes that are out of order, overlap, or make the file longer', async () => {
    const nothing = new Uint8Array(0)
    for (const changes of [
      [
        { start: 5, end: 6, bytes: nothing },
        { start: 0, end: 1, bytes: nothing },
      ],
      [
        { start: 0, end: 3, bytes: nothing },
        { start: 2, end: 4, bytes: nothing },
      ],
      [{ start: 0, end: 1, bytes: new Uint8Array(2) }],
      [{ start: 0, end: 11, bytes: nothing }],
    ]) {
      const blobs = memoryPlace().store({ limits, privacy: { examine: async () => changes } })
      await expect(blobs.upload(alice, new Uint8Array(10))).rejects.toMatchObject({ code: 'InvalidArgument' })
      expect(await blobs.usage(alice)).toMatchObject({ count: 0, reserved: 0 })
    }
  })

  test('is checked when a store is created', () => {
    expect(() => memoryPlace().store({ privacy: privateData as never })).toThrow('privateData()')
    expect(() => privateData({ mode: 'remove' as never })).toThrow('strip, refuse, warn')
    expect(() => privateData({ mode: 'warn' })).toThrow('onFound')
    expect(() => privateData({ places: true } as never)).toThrow('unknown option')
  })
})

async function* sent(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
