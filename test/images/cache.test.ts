import { describe, expect, test, vi } from 'vitest'
import { createImageVariants, type ImageVariants } from '../../src/images.ts'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import { putBlobs } from '../../src/testing/blobs.ts'
import { alice, bob } from '../http/place.ts'
import { until } from '../http/servers.ts'
import { meddle } from '../support/meddling.ts'
import { decoder } from './decoders/decoder.ts'
import { kept, openImages, picture } from './place.ts'

const png = (background: string) => picture(40, 30, background).png().toBuffer()

describe('the cache of variants', () => {
  test('stores none as a blob, in no list and in no quota', async () => {
    const { blobs, images, publish } = await openImages()
    const cid = await publish(alice, await png('red'), 'image/png')
    const before = [await blobs.usage(alice), await blobs.listPublic(alice), await blobs.stats()]
    for (const preset of Object.keys(images.presets)) await images.variant(alice, cid, preset)
    expect([await blobs.usage(alice), await blobs.listPublic(alice), await blobs.stats()]).toEqual(before)
  })

  test('keeps the most recently requested, within its size', async () => {
    const { images, cache, publish } = await openImages({ sharp: decoder('echo'), cacheSize: 1000 })
    const cids: string[] = []
    for (const colour of ['red', 'green', 'blue']) {
      const bytes = Buffer.concat([await png(colour), Buffer.alloc(1000)]).subarray(0, 400)
      cids.push(await publish(alice, bytes, 'image/png'))
    }
    const [one = '', two = '', three = ''] = cids
    let puts = 0
    const put = cache.put.bind(cache)
    cache.put = (...args) => {
      puts += 1
      return put(...args)
    }
    for (const cid of [one, two, one, three, one]) await images.variant(alice, cid, 'avatar')
    expect(puts).toBe(3)
    await until(async () => (await kept(cache)) === 2, 'two are kept')
    await images.variant(alice, two, 'avatar')
    expect(puts).toBe(4)
  })

  test('serves variants that it cannot store', async () => {
    const { images, cache, publish } = await openImages()
    const cid = await publish(alice, await png('red'), 'image/png')
    cache.put = async () => {
      throw new Error('the disk is full')
    }
    expect((await images.variant(alice, cid, 'avatar')).mimeType).toBe('image/webp')
  })

  test('generates again what was lost or damaged in it', async () => {
    const { images, cache, publish } = await openImages()
    const cid = await publish(alice, await png('red'), 'image/png')
    const first = await images.variant(alice, cid, 'avatar')
    await cache.delete((await cache.list()).keys)
    expect((await images.variant(alice, cid, 'avatar')).bytes).toEqual(first.bytes)
    cache.get = async () => {
      throw new Error('rotten')
    }
    expect((await images.variant(alice, cid, 'avatar')).bytes).toEqual(first.bytes)
  })

  test('is emptied when it opens, and filled again', async () => {
    const { blobs, images, cache, publish } = await openImages()
    const cid = await publish(alice, await png('red'), 'image/png')
    await images.variant(alice, cid, 'avatar')
    await images.close()
    expect(await kept(cache)).toBe(1)
    const again = createImageVariants({ blobs, cache })
    await again.ready()
    expect(await kept(cache)).toBe(0)
    await again.variant(alice, cid, 'avatar')
    expect(await kept(cache)).toBe(1)
    await again.close()
  })

  test("is never a store's backend: neither opens on the other's bytes", async () => {
    const backend = new MemoryBackend()
    const metadata = () => sqliteMetadata(':memory:')
    const store = createBlobStore({ backend, metadata: metadata() })
    await store.upload(alice, await png('red'))
    const wrong = createImageVariants({ blobs: store, cache: backend })
    await expect(wrong.ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    expect((await backend.list()).keys).toHaveLength(1)
    await store.close()

    const cache = new MemoryBackend()
    const right = createImageVariants({ blobs: store, cache })
    await right.ready()
    const mistaken = createBlobStore({ backend: cache, metadata: metadata() })
    await expect(mistaken.ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
    await right.close()
    await mistaken.close()
  })
})

// Fails when a first page without keys counts as a backend without keys: the cache empties what it opens.
test('a cache refuses a backend that has blobs, wherever in the list they are, and closes it', async () => {
  const backend = new MemoryBackend()
  await putBlobs(backend, 1)
  const close = vi.fn(() => backend.close())
  const late = meddle(backend, {
    close,
    list: async (options) => (options?.cursor === undefined ? { keys: [], cursor: 'later' } : backend.list()),
  })
  const images = createImageVariants({
    blobs: createBlobStore({ backend: new MemoryBackend(), metadata: sqliteMetadata(':memory:') }),
    cache: late,
  })
  await expect(images.ready()).rejects.toMatchObject({ code: 'StoreMismatch' })
  expect((await backend.list()).keys).toHaveLength(1)
  expect(close).toHaveBeenCalledOnce()
  await images.close()
})

// Fails when the cache writes its marker over the store's, or the store over the cache's: the cache empties what it
// opens.
test.each([1, 2, 3, 4])('a cache and a store that open one new place at once are not both open (%i)', async (n) => {
  const backend = new MemoryBackend()
  const blobs = createBlobStore({ backend, metadata: sqliteMetadata(':memory:') })
  const images = createImageVariants({ blobs, cache: backend })
  const opening = n % 2 ? [blobs.ready(), images.ready()] : [images.ready(), blobs.ready()]
  const opened = await Promise.allSettled(opening)
  expect(opened.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  await images.close()
  await blobs.close()
})

describe('a blob that the public may not see', () => {
  // Fails when a purge calls no hook, or its report does not wait for it.
  test('has no variant left in the cache once it is purged, of any account', async () => {
    const place = await openImages()
    const { blobs, images, cache, publish } = place
    const bytes = await png('red')
    const cid = await publish(alice, bytes, 'image/png')
    await publish(bob, bytes, 'image/png')
    const other = await publish(bob, await png('blue'), 'image/png')
    for (const did of [alice, bob]) await images.variant(did, cid, 'avatar')
    await images.variant(bob, other, 'avatar')
    expect(await kept(cache)).toBe(3)
    blobs.setHooks({ onInaccessible: (event) => images.forget(event) })
    expect(await blobs.purge('*', cid)).toMatchObject({ cachesPurged: true })
    await until(async () => (await kept(cache)) === 1, 'the variants of the other picture are left')
    await expect(images.variant(alice, cid, 'avatar')).rejects.toMatchObject({ code: 'BlobNotFound' })
    expect((await images.variant(bob, other, 'avatar')).mimeType).toBe('image/webp')
  })

  test('has no variant: temporary, hidden, taken down, or of another account', async () => {
    const { blobs, images, publish } = await openImages()
    const bytes = await png('red')
    const temporary = await blobs.upload(alice, await png('blue'), { mimeType: 'image/png' })
    const cid = await publish(alice, bytes, 'image/png')
    await images.variant(alice, cid, 'avatar')
    const missing = { code: 'BlobNotFound' }
    await expect(images.variant(alice, temporary.ref.toString(), 'avatar')).rejects.toMatchObject(missing)
    await expect(images.variant(bob, cid, 'avatar')).rejects.toMatchObject(missing)
    await blobs.takedown(alice, cid)
    await expect(images.variant(alice, cid, 'avatar')).rejects.toMatchObject(missing)
    await blobs.reverseTakedown(alice, cid)
    await expect(images.variant(alice, cid, 'avatar')).resolves.toBeDefined()
    await blobs.deleteAccount(alice)
    await expect(images.variant(alice, cid, 'avatar')).rejects.toMatchObject(missing)
  })

  test('is deleted from the cache when it is requested', async () => {
    const { blobs, images, cache, publish } = await openImages()
    const cid = await publish(alice, await png('red'), 'image/png')
    await images.variant(alice, cid, 'avatar')
    await blobs.takedown(alice, cid)
    await images.variant(alice, cid, 'avatar').catch(() => {})
    await until(async () => (await kept(cache)) === 0, 'the variant is gone')
  })

  test.each(['one account', 'every account'])('is deleted at once by the hook: a takedown for %s', async (whose) => {
    const cache = new MemoryBackend()
    const blobs = createBlobStore({
      backend: new MemoryBackend(),
      metadata: sqliteMetadata(':memory:'),
      hooks: { onInaccessible: (event) => images.forget(event) },
    })
    const images: ImageVariants = createImageVariants({ blobs, cache })
    const publish = async (did: string, bytes: Uint8Array) => {
      const blob = await blobs.upload(did, bytes)
      const uri = `at://${did}/app.example.post/${blob.ref}`
      await blobs.applyWrites(did, [{ action: 'create', uri, record: { blob } }], { rev: '3jzfcijpj2z2a' })
      return blob.ref.toString()
    }
    const red = await png('red')
    const cid = await publish(alice, red)
    await publish(bob, red)
    const other = await publish(alice, await png('blue'))
    for (const preset of ['avatar', 'banner']) await images.variant(alice, cid, preset)
    await images.variant(bob, cid, 'avatar')
    await images.variant(alice, other, 'avatar')
    expect((await cache.list()).keys).toHaveLength(4)
    await blobs.takedown(whose === 'one account' ? alice : '*', cid)
    const left = whose === 'one account' ? 2 : 1
    await until(async () => (await cache.list()).keys.length === left, `${left} variants are left`)
    await images.variant(alice, other, 'avatar')
    await blobs.deleteAccount(alice)
    await until(async () => (await cache.list()).keys.length === left - 1, `${left - 1} variants are left`)
    await images.close()
    await blobs.close()
  })

  test('is not stored when it is hidden while its variant is being generated', async () => {
    const { blobs, images, cache, publish } = await openImages({ sharp: decoder('slow') })
    const other = await publish(alice, await png('blue'), 'image/png')
    const cid = await publish(alice, await png('red'), 'image/png')
    await images.variant(alice, other, 'avatar') // the process is running
    const making = images.variant(alice, cid, 'avatar')
    const settled = making.catch((error) => error)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await blobs.takedown(alice, cid)
    images.forget({ did: alice, cid })
    expect(await settled).toMatchObject({ code: 'BlobNotFound' })
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(await kept(cache)).toBe(1)
  })

  test("has variants of each account's own, even of the same bytes: the response time shows nothing", async () => {
    const { images, cache, publish } = await openImages()
    const bytes = await png('red')
    const cid = await publish(alice, bytes, 'image/png')
    await publish(bob, bytes, 'image/png')
    await images.variant(alice, cid, 'avatar')
    await images.variant(bob, cid, 'avatar')
    expect(await kept(cache)).toBe(2)
  })
})
