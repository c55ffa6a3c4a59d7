import { appendFileSync, truncateSync, writeFileSync } from 'node:fs'
import { parseCid } from '@atproto/lex-data'
import { base58btc } from 'multiformats/bases/base58'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import {
  type BackendObject,
  type BlobBackend,
  type BlobRef,
  type BlobStore,
  type BlobViewer,
  type ByteRange,
  cidOfBytes,
  cidOfRecord,
} from '../../src/index.ts'
import { FolderPlace } from '../support/folder-place.ts'
import { meddle } from '../support/meddling.ts'
import { places } from '../support/places.ts'
import { alice, bob, bytes, hour, post, text, unpost } from '../support/samples.ts'

const viewers: BlobViewer[] = ['public', 'account', 'moderator']

describe.each(places)('reading from $name', ({ make }) => {
  test('returns what was uploaded, as a body, in chunks and in one piece', async () => {
    const { store, clock } = make()
    const blobs = store()
    const data = pattern(3_000_001)
    const ref = await blobs.upload(alice, data, { mimeType: 'video/mp2t' })
    await post(blobs, alice, 'a', ref)
    const open = () => blobs.read(alice, ref.ref)

    const reading = await open()
    expect(reading).toMatchObject({
      cid: cidOfBytes(data),
      mimeType: 'video/mp2t',
      size: 3_000_001,
      createdAt: new Date(clock.time),
      referenced: true,
      takenDown: false,
    })
    expect(reading.range).toBeUndefined()
    expect(reading.body).toBeInstanceOf(ReadableStream)
    expect(Buffer.compare(await collected(reading.body), data)).toBe(0)
    expect(Buffer.compare(await collected((await open()).chunks), data)).toBe(0)
    const whole = await (await open()).bytes()
    expect(whole).toBeInstanceOf(Uint8Array)
    expect(Buffer.compare(whole, data)).toBe(0)
    expect(cidOfBytes(new Uint8Array(await new Response((await open()).body).arrayBuffer()))).toBe(cidOfBytes(data))
  })

  test('returns a range that a function chooses when the size is known, and rejects with what it throws', async () => {
    const blobs = make().store()
    const ref = await postText(blobs, '0123456789')
    const last3 = await blobs.read(alice, ref.ref, { range: (size) => ({ start: size - 3, end: size - 1 }) })
    expect(last3.range).toEqual({ start: 7, end: 9 })
    expect(await text(last3.body)).toBe('789')
    const whole = await blobs.read(alice, ref.ref, { range: () => undefined })
    expect(whole.range).toBeUndefined()
    expect(await text(whole.body)).toBe('0123456789')
    const error = new Error('no such range')
    const range = () => {
      throw error
    }
    await expect(blobs.read(alice, ref.ref, { range })).rejects.toBe(error)
    await expect(blobs.read(alice, ref.ref, { range: (size) => ({ start: size, end: size }) })).rejects.toMatchObject({
      code: 'InvalidRange',
    })
  })

  test('returns a range, with both its ends', async () => {
    const blobs = make().store()
    const ref = await postText(blobs, '0123456789')
    const cases: { range: ByteRange; gives: string; clamped?: ByteRange }[] = [
      { range: { start: 0, end: 0 }, gives: '0' },
      { range: { start: 0, end: 4 }, gives: '01234' },
      { range: { start: 4, end: 4 }, gives: '4' },
      { range: { start: 3, end: 8 }, gives: '345678' },
      { range: { start: 9, end: 9 }, gives: '9' },
      { range: { start: 1, end: 9 }, gives: '123456789' },
      { range: { start: 9, end: 10 }, gives: '9', clamped: { start: 9, end: 9 } },
      { range: { start: 5, end: 1_000_000 }, gives: '56789', clamped: { start: 5, end: 9 } },
      { range: { start: 9, end: Number.MAX_SAFE_INTEGER }, gives: '9', clamped: { start: 9, end: 9 } },
    ]
    for (const { range, gives, clamped = range } of cases) {
      for (const how of ['body', 'chunks', 'bytes'] as const) {
        const what = `${range.start} to ${range.end} as ${how}`
        const reading = await blobs.read(alice, ref.ref, { range })
        expect(reading, what).toMatchObject({ size: 10, range: clamped })
        const got = how === 'bytes' ? await reading.bytes() : await collected(reading[how])
        expect(new TextDecoder().decode(got), what).toBe(gives)
      }
    }
    for (const range of [
      { start: 0, end: 9 },
      { start: 0, end: 99 },
    ]) {
      expect(await text((await blobs.read(alice, ref.ref, { range })).body)).toBe('0123456789')
    }
  })

  test('refuses a range that lies outside the blob', async () => {
    const blobs = make().store()
    const ref = await postText(blobs, '0123456789')
    for (const range of [
      { start: 10, end: 10 },
      { start: 10, end: 20 },
      { start: 11, end: 12 },
      { start: 5, end: 4 },
      { start: -1, end: 4 },
      { start: -5, end: -1 },
      { start: 0.5, end: 4 },
      { start: 0, end: 4.5 },
      { start: Number.NaN, end: 4 },
      { start: 0, end: Number.NaN },
      { start: 2 ** 53, end: 2 ** 53 },
    ]) {
      const read = blobs.read(alice, ref.ref, { range })
      await expect(read, `${range.start} to ${range.end}`).rejects.toMatchObject({ code: 'InvalidRange' })
    }
  })

  test('returns ranges of a large blob, wherever its pieces meet', async () => {
    const blobs = make().store()
    const data = pattern(400_000)
    const ref = await blobs.upload(alice, data)
    await post(blobs, alice, 'a', ref)
    for (const border of [65_536, 131_072, 262_144, 399_999]) {
      for (const start of [border - 1, border, border + 1].filter((start) => start < data.length)) {
        for (const length of [1, 2, 65_535, 65_536, 65_537]) {
          const end = Math.min(start + length, data.length) - 1
          const got = await (await blobs.read(alice, ref.ref, { range: { start, end } })).bytes()
          expect(Buffer.compare(got, data.subarray(start, end + 1)), `${start} to ${end}`).toBe(0)
        }
      }
    }
  })

  test('returns the empty blob, which has no range', async () => {
    const blobs = make().store()
    const ref = await postText(blobs, '')
    expect(ref.ref.toString()).toBe('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
    for (const how of ['body', 'chunks'] as const) {
      const reading = await blobs.read(alice, ref.ref)
      expect(reading.size).toBe(0)
      expect(await collected(reading[how])).toHaveLength(0)
    }
    expect(await (await blobs.read(alice, ref.ref)).bytes()).toHaveLength(0)
    const read = blobs.read(alice, ref.ref, { range: { start: 0, end: 0 } })
    await expect(read).rejects.toMatchObject({ code: 'InvalidRange' })
  })

  test('shows each viewer what it may see', async () => {
    const { store, clock } = make()
    const blobs = store()
    const refs: Record<string, BlobRef> = {}
    for (const state of ['temporary', 'referenced', 'dereferenced', 'taken down', 'temporary and taken down']) {
      refs[state] = await blobs.upload(alice, bytes(state))
      if (!state.startsWith('temporary')) await post(blobs, alice, state, refs[state])
      if (state === 'dereferenced') await unpost(blobs, alice, state)
      if (state.endsWith('taken down')) await blobs.takedown(alice, refs[state].ref)
    }
    const shown = {
      temporary: { public: false, account: true, moderator: true },
      referenced: { public: true, account: true, moderator: true },
      dereferenced: { public: false, account: true, moderator: true },
      'taken down': { public: false, account: false, moderator: true },
      'temporary and taken down': { public: false, account: false, moderator: true },
    }
    for (const [state, visible] of Object.entries(shown)) {
      const { ref } = refs[state] as BlobRef
      for (const as of viewers) {
        const stat = {
          cid: cidOfBytes(bytes(state)),
          mimeType: 'application/octet-stream',
          size: state.length,
          createdAt: new Date(clock.time),
          referenced: state === 'referenced' || state === 'taken down',
          takenDown: state.endsWith('taken down'),
          ...(state.endsWith('taken down') && {
            takedown: expect.objectContaining({ ref: null, everyAccount: false }),
          }),
        }
        const what = `${state} to ${as}`
        expect(await blobs.stat(alice, ref, { as }), what).toEqual(visible[as] ? stat : null)
        if (visible[as]) {
          const reading = await blobs.read(alice, ref, { as })
          expect(reading, what).toMatchObject(stat)
          expect(await text(reading.body), what).toBe(state)
        } else {
          const read = blobs.read(alice, ref, { as })
          await expect(read, what).rejects.toMatchObject({ code: 'BlobNotFound', did: alice, cid: stat.cid })
        }
        expect(await blobs.stat(bob, ref, { as }), `${what}, as if it were bob’s`).toBeNull()
        const read = blobs.read(bob, ref, { as })
        await expect(read, `${what}, as if it were bob’s`).rejects.toMatchObject({ code: 'BlobNotFound', did: bob })
      }
    }
    const { ref } = refs.temporary as BlobRef
    expect(await blobs.stat(alice, ref), 'public unless it is said').toBeNull()
    await expect(blobs.read(alice, ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
  })

  test('does not distinguish a hidden blob from an absent one', async () => {
    const blobs = make().store()
    const hidden = await blobs.upload(alice, bytes('hidden'))
    const [forHidden, forNone] = [await failure(blobs.read(alice, hidden.ref)), await failure(blobs.read(alice, none))]
    expect(forHidden.message.replace(hidden.ref.toString(), '')).toBe(forNone.message.replace(none, ''))
  })

  test('accepts the one spelling of a CID', async () => {
    const blobs = make().store()
    const { ref } = await postText(blobs, 'spelled')
    const cid = ref.toString()
    const wrong = {
      'upper case': cid.toUpperCase(),
      'one upper case letter': cid.slice(0, 20) + (cid[20] ?? '').toUpperCase() + cid.slice(21),
      padded: `${cid}=`,
      'with a space': ` ${cid}`,
      'with a line feed': `${cid}\n`,
      shortened: cid.slice(0, -1),
      'with its last bits set': cid.slice(0, -1) + String.fromCharCode(cid.charCodeAt(58) + 1),
      'version 0': 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG',
      base58: CID.parse(cid).toString(base58btc),
      record: cidOfRecord({ text: 'spelled' }),
      'record object': CID.parse(cidOfRecord({ text: 'spelled' })),
      empty: '',
      'a key': `${cid}.1-kq3z5vd4w2m7x6yt`,
      'a path': `../${cid}`,
      nothing: undefined,
      null: null,
      'a number': 1,
      'an object': {},
    }
    const calls: ((blobs: BlobStore, cid: never) => Promise<unknown>)[] = [
      (blobs, cid) => blobs.read(alice, cid, { as: 'moderator' }),
      (blobs, cid) => blobs.stat(alice, cid),
      (blobs, cid) => blobs.recordsFor(alice, cid),
      (blobs, cid) => blobs.takedown(alice, cid),
      (blobs, cid) => blobs.takedown('*', cid),
      (blobs, cid) => blobs.reverseTakedown(alice, cid),
    ]
    for (const [what, cid] of Object.entries(wrong)) {
      for (const call of calls) {
        await expect(call(blobs, cid as never), `${what}: ${call}`).rejects.toMatchObject({ code: 'InvalidCid' })
      }
    }
  })

  test('accepts CID objects of multiformats and of the AT Protocol’s libraries', async () => {
    const blobs = make().store()
    const { ref } = await postText(blobs, 'an object')
    const cid = ref.toString()
    for (const object of [ref, CID.parse(cid), parseCid(cid), { bytes: CID.parse(cid).bytes }]) {
      expect(await text((await blobs.read(alice, object as never)).body)).toBe('an object')
      expect(await blobs.stat(alice, object as never)).toMatchObject({ cid })
    }
    const misspelt = CID.parse(CID.parse(cid).toString(base58btc), base58btc)
    expect((await blobs.read(alice, misspelt)).cid).toBe(cid)
  })

  test('accepts DIDs only, and known options', async () => {
    const blobs = make().store()
    const { ref } = await postText(blobs, 'x')
    for (const did of ['', 'alice.test', 'did:', 'did:plc:', 'DID:plc:alice', '*', `${alice}\n`, undefined as never]) {
      await expect(blobs.read(did, ref), did).rejects.toMatchObject({ code: 'InvalidDid' })
      await expect(blobs.stat(did, ref), did).rejects.toMatchObject({ code: 'InvalidDid' })
    }
    for (const options of [{ as: 'admin' }, { As: 'account' }, { as: 'public', rang: {} }]) {
      const what = JSON.stringify(options)
      await expect(blobs.read(alice, ref, options as never), what).rejects.toMatchObject({ code: 'InvalidArgument' })
      await expect(blobs.stat(alice, ref, options as never), what).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
  })

  test('rejects with BlobMissing when the bytes were deleted behind its back', async () => {
    const { store, backend } = make()
    const blobs = store()
    const { ref } = await postText(blobs, 'taken away')
    const bytesOf = backend()
    await bytesOf.delete((await bytesOf.list()).keys)
    for (const range of [undefined, { start: 0, end: 3 }]) {
      const read = blobs.read(alice, ref, { range })
      await expect(read).rejects.toMatchObject({ code: 'BlobMissing', did: alice, cid: ref.toString() })
    }
    expect(await blobs.stat(alice, ref), 'what the database knows').toMatchObject({ size: 10 })
  })

  test('rejects with BlobDamaged when the bytes have another size', async () => {
    const { store, backend } = make()
    let difference = 0
    const blobs = store({ backend: withObject(backend(), (object) => ({ ...object, size: object.size + difference })) })
    const { ref } = await postText(blobs, 'not its size')
    for (difference of [-1, 1]) {
      for (const range of [undefined, { start: 0, end: 3 }]) {
        const read = blobs.read(alice, ref, { range })
        await expect(read).rejects.toMatchObject({ code: 'BlobDamaged', cid: ref.toString() })
      }
    }
  })

  test('releases the bytes when its body is cancelled, or is not read to its end', async () => {
    const { store, backend } = make()
    const open = new Set<object>()
    const blobs = store({ backend: withObject(backend(), (object) => tracked(object, open)) })
    const ref = await blobs.upload(alice, pattern(1_000_000))
    await post(blobs, alice, 'a', ref)
    const read = () => blobs.read(alice, ref.ref)

    await (await read()).body.cancel()
    const reader = (await read()).body.getReader()
    await reader.read()
    await reader.cancel(new Error('enough'))
    for await (const _ of (await read()).body) break
    for await (const _ of (await read()).chunks) break
    await (await read()).chunks.return?.()
    await (await read()).bytes()
    await expect.poll(() => open.size, { timeout: 1000 }).toBe(0)
  })

  test('closes a body that nobody reads', async () => {
    const { store, backend } = make()
    const open = new Set<object>()
    const blobs = store({ times: { idle: 400 }, backend: withObject(backend(), (object) => tracked(object, open)) })
    const ref = await blobs.upload(alice, pattern(2_000_000))
    await post(blobs, alice, 'a', ref)
    const forgotten = [await blobs.read(alice, ref.ref), await blobs.read(alice, ref.ref)] as const
    expect(open.size).toBe(2)
    await expect.poll(() => open.size, { timeout: 10_000 }).toBe(0)
    await expect(collected(forgotten[0].body)).rejects.toThrow()
    await expect(collected(forgotten[1].chunks)).rejects.toThrow()
  })

  test('waits for a slow reader', async () => {
    const blobs = make().store({ times: { idle: 150 } })
    const data = pattern(600_000)
    const ref = await blobs.upload(alice, data)
    await post(blobs, alice, 'a', ref)
    const { body } = await blobs.read(alice, ref.ref)
    let size = 0
    for await (const chunk of body) {
      size += chunk.byteLength
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    expect(size).toBe(data.length)
  })

  test('rejects with the reason of an abort, before and during the reading', async () => {
    const { store, backend } = make()
    const open = new Set<object>()
    const blobs = store({ backend: withObject(backend(), (object) => tracked(object, open)) })
    const ref = await blobs.upload(alice, pattern(3_000_000))
    await post(blobs, alice, 'a', ref)
    const reason = new Error('changed my mind')
    const aborted = { signal: AbortSignal.abort(reason) }
    await expect(blobs.read(alice, ref.ref, aborted)).rejects.toBe(reason)
    await expect(blobs.stat(alice, ref.ref, aborted)).rejects.toBe(reason)

    for (const how of ['body', 'chunks'] as const) {
      const controller = new AbortController()
      const reading = await blobs.read(alice, ref.ref, { signal: controller.signal })
      const read = async (): Promise<void> => {
        for await (const _ of reading[how]) controller.abort(reason)
      }
      await expect(read(), how).rejects.toBe(reason)
    }
    const controller = new AbortController()
    const reading = await blobs.read(alice, ref.ref, { signal: controller.signal })
    controller.abort(reason)
    await expect(reading.bytes()).rejects.toBe(reason)
    await expect.poll(() => open.size, { timeout: 1000 }).toBe(0)
  })

  test('does not open the bytes for a stat', async () => {
    const { store, backend } = make()
    let opened = 0
    const counting = withObject(backend(), (object) => {
      opened += 1
      return object
    })
    const blobs = store({ backend: counting })
    const { ref } = await postText(blobs, 'x')
    opened = 0
    expect(await blobs.stat(alice, ref)).toMatchObject({ size: 1 })
    expect(opened).toBe(0)
    await (await blobs.read(alice, ref)).bytes()
    expect(opened).toBe(1)
  })

  test('continues while others read the same', async () => {
    const blobs = make().store()
    const data = pattern(500_000)
    const ref = await blobs.upload(alice, data)
    await post(blobs, alice, 'a', ref)
    const all = await Promise.all(
      Array.from({ length: 12 }, async () => cidOfBytes(await (await blobs.read(alice, ref.ref)).bytes())),
    )
    expect(new Set(all)).toEqual(new Set([ref.ref.toString()]))
  })

  test('finds bytes that were replaced between its query and its opening', async () => {
    const { store, backend, clock } = make()
    const inner = backend()
    let meanwhile: (() => Promise<void>) | undefined
    const blobs = store({
      times: { fresh: hour, deleteDelay: 0 },
      backend: meddle(inner, {
        async get(key, options) {
          await meanwhile?.()
          return inner.get(key, options)
        },
      }),
    })
    const ref = await postText(blobs, 'replaced')
    meanwhile = async () => {
      meanwhile = undefined
      clock.advance(2 * hour)
      await blobs.upload(alice, bytes('replaced'))
      clock.advance(2 * hour)
      await blobs.collect()
    }
    const [before] = (await inner.list()).keys
    expect(await text((await blobs.read(alice, ref.ref)).body)).toBe('replaced')
    expect((await inner.list()).keys).not.toContain(before)
  })
})

describe('reading from a disk', () => {
  test('detects a file that was truncated or has grown', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    const data = pattern(100_000)
    const ref = await blobs.upload(alice, data)
    await post(blobs, alice, 'a', ref)
    const file = place.fileOf(ref.ref)
    const damages: Record<string, () => void> = {
      cut: () => truncateSync(file, 99_999),
      emptied: () => truncateSync(file, 0),
      grown: () => {
        writeFileSync(file, data)
        appendFileSync(file, 'x')
      },
    }
    for (const [what, damage] of Object.entries(damages)) {
      damage()
      for (const range of [undefined, { start: 0, end: 9 }]) {
        const read = blobs.read(alice, ref.ref, { range })
        await expect(read, what).rejects.toMatchObject({ code: 'BlobDamaged', cid: ref.ref.toString() })
      }
    }
    writeFileSync(file, data)
    expect(Buffer.compare(await (await blobs.read(alice, ref.ref)).bytes(), data)).toBe(0)
  })

  test('detects a file that is truncated while it is read', async () => {
    const place = new FolderPlace()
    const blobs = place.store()
    const ref = await blobs.upload(alice, pattern(4_000_000))
    await post(blobs, alice, 'a', ref)
    const reading = await blobs.read(alice, ref.ref)
    truncateSync(place.fileOf(ref.ref), 1_000_000)
    await expect(collected(reading.chunks)).rejects.toMatchObject({ code: 'BlobDamaged' })
  })
})

const none = cidOfBytes(bytes('nobody has this'))

async function postText(blobs: BlobStore, content: string): Promise<BlobRef> {
  const ref = await blobs.upload(alice, bytes(content))
  await post(blobs, alice, 'text', ref)
  return ref
}

/** Bytes that encode their position. */
function pattern(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4))
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 2_654_435_761)
  return new Uint8Array(words.buffer, 0, size)
}

async function collected(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = []
  // A chunk is valid only until the next is requested.
  for await (const chunk of body) parts.push(Buffer.from(chunk))
  return Buffer.concat(parts)
}

function withObject(inner: BlobBackend, change: (object: BackendObject) => BackendObject): BlobBackend {
  return meddle(inner, {
    async get(key, options) {
      const object = await inner.get(key, options)
      return object === null ? null : change(object)
    },
  })
}

/** The object, which is in `open` until its bytes were read to their end, failed or were released. */
function tracked({ size, body }: BackendObject, open: Set<object>): BackendObject {
  open.add(body)
  const iterator: AsyncIterableIterator<Uint8Array> = {
    async next() {
      try {
        const result = await body.next()
        if (result.done) open.delete(body)
        return result
      } catch (error) {
        open.delete(body)
        throw error
      }
    },
    async return() {
      await body.return?.()
      open.delete(body)
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return { size, body: iterator }
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('did not fail')
}
