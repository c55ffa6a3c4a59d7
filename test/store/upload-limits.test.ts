import { describe, expect, test } from 'vitest'
import { type BlobStore, blobGrants, cidOfBytes, type UploadOptions } from '../../src/index.ts'
import { files } from '../blob/samples.ts'
import { places } from '../support/places.ts'
import { alice, bob, chunks, post, uriOf } from '../support/samples.ts'

// The limits of one upload: what its caller takes, and what its client was granted.

const png = files['image/png'] as Uint8Array
const mp4 = files['video/mp4'] as Uint8Array

/** The bytes, with zeros behind them that change neither type nor validity here. */
function padded(bytes: Uint8Array, size: number): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length)])
}

async function outcome(blobs: BlobStore, source: Uint8Array, options: UploadOptions, did = alice): Promise<string> {
  try {
    return (await blobs.upload(did, source, options)).mimeType
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

const limits = { accept: ['*/*'], maxBlobSize: 10_000_000 }

describe.each(places)('the limits of one upload to $name', ({ make }) => {
  // Fails when the declared type is looked at in place of the effective one.
  test('are those of what the bytes are, whatever they are declared as', async () => {
    const blobs = make().store({ limits })
    const pictures = [{ accept: ['image/*'] }, { grants: blobGrants('blob:image/*') }]
    for (const [only, refusal] of pictures.map(
      (only, at) => [only, ['InvalidMimeType', 'ScopeMissing'][at]] as const,
    )) {
      for (const mimeType of ['image/png', 'image/*', 'video/mp4', 'image/x-unknown', undefined]) {
        expect(await outcome(blobs, mp4, { mimeType, ...only }), mimeType).toBe(refusal)
        expect(await outcome(blobs, png, { mimeType, ...only }), mimeType).toBe('image/png')
      }
    }
    await expectOnly(blobs, png)
  })

  test('hold where the store does not look at the bytes, or has no limits', async () => {
    const unlooked = make().store({ limits: { ...limits, mimePolicy: 'declared' } })
    const unlimited = make().store({ limits: { accept: ['image/png'], maxBlobSize: 10 } })
    const ways: [BlobStore, UploadOptions][] = [
      [unlooked, {}],
      [unlimited, { enforceLimits: false }],
    ]
    for (const [blobs, options] of ways) {
      const only = { accept: ['image/*'], maxSize: 500, ...options }
      expect(await outcome(blobs, mp4, { mimeType: 'image/png', ...only })).toBe('InvalidMimeType')
      expect(await outcome(blobs, png, { mimeType: 'video/mp4', ...only })).toBe('InvalidMimeType')
      expect(await outcome(blobs, padded(png, 501), { mimeType: 'image/png', ...only })).toBe('PayloadTooLarge')
      expect(await outcome(blobs, Buffer.from('text'), { mimeType: 'image/png', ...only })).toBe('InvalidMimeType')
      expect(await outcome(blobs, png, { mimeType: 'image/png', ...only })).toBe('image/png')
      await expectOnly(blobs, png)
    }
  })

  test('never widen those of the store', async () => {
    const blobs = make().store({ limits: { accept: ['image/*'], maxBlobSize: 1000, quota: { bytes: 1500 } } })
    const wide = { accept: ['*/*'], maxSize: 1e9, quota: { bytes: 1e9 }, grants: blobGrants('blob:*/*') }
    expect(await outcome(blobs, mp4, wide)).toBe('InvalidMimeType')
    expect(await outcome(blobs, padded(png, 1001), wide)).toBe('PayloadTooLarge')
    expect(await outcome(blobs, padded(png, 1000), wide)).toBe('image/png')
    expect(await outcome(blobs, padded(png, 501), wide)).toBe('QuotaExceeded')
  })

  test('bound the size, inclusive, of bytes in memory and spooled, of known length and unknown', async () => {
    for (const size of [1000, 2_000_000]) {
      const blobs = make().store({ limits })
      const grants = blobGrants(`blob?accept=image/*&maxSize=${size} blob?accept=video/*&maxSize=5`)
      for (const [only, refusal] of [
        [{ maxSize: size }, 'PayloadTooLarge'],
        [{ grants }, 'ScopeMissing'],
      ] as const) {
        const more = padded(png, size + 1)
        expect(await outcome(blobs, more, only)).toBe(refusal)
        await expect(blobs.upload(alice, pieces(more), only)).rejects.toMatchObject({ code: refusal })
        await expect(blobs.upload(alice, pieces(more), { size: size + 1, ...only })).rejects.toMatchObject({
          code: refusal,
        })
        await expectOnly(blobs)
      }
      expect(await outcome(blobs, padded(png, size), { maxSize: size, grants })).toBe('image/png')
    }
  })

  test('refuse too large a size before a byte is read, and stop reading once there are too many', async () => {
    const blobs = make().store({ limits })
    let read = 0
    async function* counted() {
      for await (const chunk of chunks(100, 10_000)) {
        read += chunk.length
        yield chunk
      }
    }
    const refused = { code: 'PayloadTooLarge' }
    await expect(blobs.upload(alice, counted(), { size: 1_000_000, maxSize: 25_000 })).rejects.toMatchObject(refused)
    expect(read).toBe(0)
    await expect(blobs.upload(alice, counted(), { grants: [] })).rejects.toMatchObject({ code: 'ScopeMissing' })
    expect(read).toBe(0)
    await expect(blobs.upload(alice, counted(), { maxSize: 25_000 })).rejects.toMatchObject(refused)
    expect(read).toBe(30_000)
    await expectOnly(blobs)
  })

  test('take what one of several grants allows, type and size together', async () => {
    const blobs = make().store({ limits })
    const grants = blobGrants(
      'atproto blob?accept=image/png&accept=image/gif&maxSize=200 blob?accept=video/*&maxSize=300',
    )
    expect(await outcome(blobs, padded(png, 200), { grants })).toBe('image/png')
    expect(await outcome(blobs, padded(png, 201), { grants })).toBe('ScopeMissing')
    expect(await outcome(blobs, padded(mp4, 300), { grants })).toBe('video/mp4')
    expect(await outcome(blobs, padded(mp4, 301), { grants })).toBe('ScopeMissing')
    expect(await outcome(blobs, files['image/jpeg'] as Uint8Array, { grants })).toBe('ScopeMissing')
    expect(await outcome(blobs, png, { grants: blobGrants('atproto repo:*') })).toBe('ScopeMissing')
    expect(await outcome(blobs, files['image/jpeg'] as Uint8Array, { grants: blobGrants('transition:generic') })).toBe(
      'image/jpeg',
    )
  })

  test('know a type by each of its names', async () => {
    const blobs = make().store({ limits })
    const jpeg = files['image/jpeg'] as Uint8Array
    expect(await outcome(blobs, jpeg, { mimeType: 'image/jpg', grants: blobGrants('blob:image/jpg') })).toBe(
      'image/jpeg',
    )
    expect(await outcome(blobs, jpeg, { accept: ['Image/JPEG'] })).toBe('image/jpeg')
  })

  test('narrow the quota for this upload alone', async () => {
    const blobs = make().store({ limits: { ...limits, quota: { bytes: 2000, blobs: 9 } } })
    expect(await outcome(blobs, padded(png, 1000), { quota: { bytes: 1000 } })).toBe('image/png')
    expect(await outcome(blobs, mp4, { quota: { bytes: 1000 } })).toBe('QuotaExceeded')
    expect(await outcome(blobs, mp4, { quota: { blobs: 1 } })).toBe('QuotaExceeded')
    expect(await blobs.usage(alice)).toEqual({ bytes: 1000, count: 1, reserved: 0, pending: 0 })
    expect(await outcome(blobs, mp4, { quota: {} })).toBe('video/mp4')
  })

  // Fails when the type that an imported record gives is all that is looked at.
  test('are not met by what an imported record calls the bytes', async () => {
    const blobs = make().store({ limits: { ...limits, accept: ['image/*'] } })
    const named = { $type: 'blob', ref: { $link: cidOfBytes(mp4) }, mimeType: 'image/png', size: mp4.length }
    const write = { action: 'create', uri: uriOf(alice, 'a'), record: { named } } as const
    await blobs.applyWrites(alice, [write], { rev: '3kyimv2x4zs2a', missing: 'expect' })
    expect(await outcome(blobs, mp4, { mimeType: 'image/png', accept: ['image/*'] })).toBe('InvalidMimeType')
    expect(await outcome(blobs, mp4, { grants: blobGrants('blob:image/*') })).toBe('ScopeMissing')
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 0 })
    expect(await outcome(blobs, mp4, { grants: blobGrants('blob:*/*') })).toBe('image/png')
    expect(await blobs.importProgress(alice)).toEqual({ expected: 1, imported: 1 })
  })

  test('answer the same for bytes that others have as for bytes that nobody has', async () => {
    const answers = async (bobHasThem: boolean) => {
      const blobs = make().store({ limits })
      for (const size of [mp4.length, 1_500_000]) {
        if (bobHasThem) await post(blobs, bob, `a${size}`, await blobs.upload(bob, padded(mp4, size)))
      }
      const seen: unknown[] = []
      for (const only of [
        { accept: ['image/*'] },
        { grants: blobGrants('blob:image/*') },
        { grants: [] },
        { maxSize: 10 },
        { maxSize: 1_400_000 },
        { quota: { bytes: 10 } },
      ]) {
        for (const size of [mp4.length, 1_500_000]) {
          const error = await blobs.upload(alice, padded(mp4, size), only).catch((refusal: unknown) => refusal)
          seen.push(error instanceof Error ? { ...error, message: error.message } : JSON.stringify(error))
        }
        seen.push(await blobs.usage(alice))
      }
      return seen
    }
    expect(await answers(true)).toEqual(await answers(false))
  })

  test('change nothing of a blob that the account has', async () => {
    const { store, clock } = make()
    const blobs = store({ limits })
    await blobs.upload(alice, mp4)
    const [before] = (await blobs.listAll(alice)).items
    clock.advance(1000)
    expect(await outcome(blobs, mp4, { accept: ['image/*'] })).toBe('InvalidMimeType')
    expect((await blobs.listAll(alice)).items).toEqual([before])
  })
})

describe('limits that are none', () => {
  const mistakes: [string, unknown][] = [
    ['no type', { accept: [] }],
    ['a type that is no pattern', { accept: ['image'] }],
    ['a type alone', { accept: 'image/*' }],
    ['null for types', { accept: null }],
    ['a size below zero', { maxSize: -1 }],
    ['a part of a byte', { maxSize: 1.5 }],
    ['a size in words', { maxSize: '1000' }],
    ['null for a size', { maxSize: null }],
    ['a quota that is misspelt', { quota: { byte: 1 } }],
    ['a quota that is a number', { quota: 1000 }],
    ['a scope that was not read', { grants: 'blob:image/*' }],
    ['an empty scope', { grants: '' }],
    ['null for grants', { grants: null }],
    ['a list of scopes', { grants: ['blob:image/*'] }],
    ['a grant without types', { grants: [{ maxSize: 5 }] }],
    ['a grant with more than there is', { grants: [{ accept: ['*/*'], quota: 5 }] }],
    ['a grant of no size', { grants: [{ accept: ['*/*'], maxSize: Number.NaN }] }],
  ]

  test.each(mistakes)('%s is refused, not taken for no limit', async (_name, options) => {
    const blobs = (places[0] as (typeof places)[0]).make().store({ limits })
    await expect(blobs.upload(alice, png, options as UploadOptions)).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expectOnly(blobs)
  })
})

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

/** The account has these bytes, and nothing is left of any other: no row, no reservation, no byte that waits to be deleted. */
async function expectOnly(blobs: BlobStore, ...held: Uint8Array[]): Promise<void> {
  const bytes = held.reduce((sum, { length }) => sum + length, 0)
  expect(await blobs.usage(alice)).toMatchObject({ bytes, count: held.length, reserved: 0 })
  const stats = await blobs.stats()
  expect(stats.storedCount).toBe(held.length)
  // What is uploaded twice waits for a deletion; what is refused does not.
  if (held.length === 0) expect(stats).toMatchObject({ pending: 0, doomedCount: 0 })
}
