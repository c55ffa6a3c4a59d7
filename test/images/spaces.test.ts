import { expect, test, vi } from 'vitest'
import { createImageHandler, imageRouter } from '../../src/images.ts'
import { alice, bytesOf, errorOf } from '../http/place.ts'
import { until } from '../http/servers.ts'
import { friends, nextRev, post, postIn, unpost, uriIn, work } from '../support/samples.ts'
import { decoder } from './decoders/decoder.ts'
import { kept, openImages, picture } from './place.ts'

type Place = Awaited<ReturnType<typeof openImages>>

/** A picture of alice's that records in these spaces name, and with `public` one of her posts. */
async function share({ blobs }: Place, ...wheres: string[]): Promise<string> {
  const blob = await blobs.upload(alice, await picture(40, 30).png().toBuffer(), { mimeType: 'image/png' })
  for (const where of wheres) {
    await (where === 'public' ? post(blobs, alice, 'a', blob) : postIn(where, blobs, alice, 'a', blob))
  }
  return blob.ref.toString()
}
const unshare = ({ blobs }: Place, space: string) =>
  blobs.applyWrites(alice, [{ action: 'delete', uri: uriIn(space, alice, 'a') }], { rev: nextRev() })

const pathOf = (cid: string, space?: string) =>
  `/img/avatar/plain/${alice}/${cid}${space === undefined ? '' : `?${new URLSearchParams({ space })}`}`
const ask = (handler: ReturnType<typeof createImageHandler>, path: string, init?: RequestInit) =>
  handler(new Request(`http://pds.example${path}`, init))

test('a variant for a space is made apart, and never given to the public or to another space', async () => {
  const place = await openImages()
  const { images, cache } = place
  const cid = await share(place, friends)
  const { bytes } = await images.variant(alice, cid, 'avatar', { space: friends })
  expect(bytes.byteLength).toBeGreaterThan(20)
  for (const options of [{}, { space: work }]) {
    await expect(images.variant(alice, cid, 'avatar', options)).rejects.toMatchObject({ code: 'BlobNotFound' })
  }
  await share(place, 'public', work)
  // Made for each, so that a quick answer tells nobody what others have looked at.
  await images.variant(alice, cid, 'avatar')
  await images.variant(alice, cid, 'avatar', { space: work })
  expect(await kept(cache)).toBe(3)
})

test('who may not see a picture cannot have the variants of those who may thrown away by asking for it', async () => {
  const place = await openImages()
  const cid = await share(place, friends)
  await place.images.variant(alice, cid, 'avatar', { space: friends })
  for (const options of [{}, { space: work }]) {
    await place.images.variant(alice, cid, 'avatar', options).catch(() => {})
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(await kept(place.cache)).toBe(1)
})

test('what the last record in a space showed is gone with it, from the cache too; what others see stays', async () => {
  const place = await openImages()
  const { blobs, images, cache } = place
  blobs.setHooks({ onInaccessible: (event) => images.forget(event) })
  const cid = await share(place, 'public', friends, work)
  const wheres = [{}, { space: friends }, { space: work }]
  for (const options of wheres) await images.variant(alice, cid, 'avatar', options)
  await unshare(place, friends)
  await until(async () => (await kept(cache)) === 2, 'the variant for friends is gone')
  await expect(images.variant(alice, cid, 'avatar', { space: friends })).rejects.toMatchObject({ code: 'BlobNotFound' })
  await unpost(blobs, alice, 'a')
  await until(async () => (await kept(cache)) === 1, 'the public variant is gone')
  await blobs.dropSpace(alice, work)
  await until(async () => (await kept(cache)) === 0, 'the variant for work is gone')
})

test('what may no longer be seen is not served from the cache either where no hook has emptied it', async () => {
  const place = await openImages()
  const { blobs, images, cache } = place
  const cid = await share(place, 'public', friends)
  for (const options of [{}, { space: friends }]) await images.variant(alice, cid, 'avatar', options)
  expect(await kept(cache)).toBe(2)
  await unshare(place, friends)
  await expect(images.variant(alice, cid, 'avatar', { space: friends })).rejects.toMatchObject({ code: 'BlobNotFound' })
  await images.variant(alice, cid, 'avatar')
  await unpost(blobs, alice, 'a')
  await expect(images.variant(alice, cid, 'avatar')).rejects.toMatchObject({ code: 'BlobNotFound' })
})

test('a takedown takes the variants of every space', async () => {
  const place = await openImages()
  const { blobs, images, cache } = place
  blobs.setHooks({ onInaccessible: (event) => images.forget(event) })
  const cid = await share(place, 'public', friends, work)
  for (const options of [{}, { space: friends }, { space: work }]) await images.variant(alice, cid, 'avatar', options)
  await blobs.takedown(alice, cid)
  await until(async () => (await kept(cache)) === 0, 'all are gone')
})

test('a quarantined picture has no variants, anywhere, until it is released', async () => {
  const place = await openImages()
  const { blobs, images, cache } = place
  blobs.setHooks({ inspect: async () => ({ quarantine: 'not sure' }) })
  const cid = await share(place, 'public', friends)
  for (const options of [{}, { space: friends }]) {
    await expect(images.variant(alice, cid, 'avatar', options)).rejects.toMatchObject({ code: 'BlobNotFound' })
  }
  expect(await kept(cache)).toBe(0)
  await blobs.reverseTakedown(alice, cid)
  for (const options of [{}, { space: friends }]) await images.variant(alice, cid, 'avatar', options)
})

test('a variant that is being made for one space goes on when another loses the picture, and ends when its own does', async () => {
  const place = await openImages({ sharp: decoder('slow') })
  const { blobs, images } = place
  blobs.setHooks({ onInaccessible: (event) => images.forget(event) })
  const cid = await share(place, friends, work)
  const [inFriends, inWork] = [friends, work].map((space) =>
    images.variant(alice, cid, 'avatar', { space }).then(
      () => 'made',
      ({ code }) => code,
    ),
  )
  await new Promise((resolve) => setTimeout(resolve, 100))
  const settled = vi.fn()
  inWork?.then(settled)
  await unshare(place, friends)
  expect(await inFriends).toBe('BlobNotFound')
  expect(settled).not.toHaveBeenCalled()
  await unshare(place, work)
  expect(await inWork).toBe('BlobNotFound')
})

test('over HTTP an image of a space is for whom the host lets in, and kept by no shared cache', async () => {
  const place = await openImages()
  const cid = await share(place, friends)
  const authorizeSpace = vi.fn((request: Request) => request.headers.has('authorization'))
  const handler = createImageHandler(place.images, { authorizeSpace, cacheTags: 'cache-tag' })
  const headers = { authorization: 'Bearer member' }
  const response = await ask(handler, pathOf(cid, friends), { headers })
  expect(authorizeSpace).toHaveBeenCalledWith(expect.any(Request), { space: friends, repo: alice })
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toEqual({
    'cache-control': 'private, no-cache, no-transform',
    'content-disposition': `attachment; filename="${cid}"`,
    'content-length': expect.any(String),
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    'content-type': 'image/webp',
    'cross-origin-resource-policy': 'same-origin',
    etag: expect.stringMatching(`^W/"${cid}\\.[\\w-]{16}"$`),
    vary: 'Sec-Fetch-Dest',
    'x-content-type-options': 'nosniff',
  })
  expect(await errorOf(await ask(handler, pathOf(cid, work), { headers }))).toEqual([404, 'BlobNotFound'])
  expect(await errorOf(await ask(handler, pathOf(cid, ''), { headers }))).toEqual([400, 'InvalidRequest'])
})

test('the decision comes before any look-up: a refusal is the same whatever there is', async () => {
  const place = await openImages()
  const cid = await share(place, friends)
  const stat = vi.spyOn(place.blobs, 'stat')
  const accountStatus = vi.fn(() => null)
  const handler = createImageHandler(place.images, { authorizeSpace: () => false, accountStatus })
  for (const path of [pathOf(cid, friends), pathOf(cid, work), pathOf(cid.replace(/.{3}$/, 'aaa'), friends)]) {
    for (const headers of [{}, { 'if-none-match': '*' }]) {
      expect(await errorOf(await ask(handler, path, { headers }))).toEqual([401, 'AuthMissing'])
    }
  }
  for (const spy of [stat, accountStatus]) expect(spy).not.toHaveBeenCalled()
})

test('without the option there are no images of spaces, not even of what is public too', async () => {
  const place = await openImages()
  const cid = await share(place, 'public', friends)
  const handler = createImageHandler(place.images)
  expect(await errorOf(await ask(handler, pathOf(cid, friends)))).toEqual([404, 'XRPCNotSupported'])
  expect((await ask(handler, `${pathOf(cid)}?other=1`)).status).toBe(200)
  const next = vi.fn()
  imageRouter(place.images)({ url: pathOf(cid, friends), method: 'GET' } as never, {} as never, next)
  expect(next).toHaveBeenCalledOnce()
})

test('what is no image is remembered for each space by itself', async () => {
  const place = await openImages()
  const { blobs, images } = place
  const blob = await blobs.upload(alice, bytesOf(10), { mimeType: 'image/png' })
  await postIn(friends, blobs, alice, 'a', blob)
  await postIn(work, blobs, alice, 'a', blob)
  const read = vi.spyOn(blobs, 'read')
  const reads = async (space: string) => {
    read.mockClear()
    await expect(images.variant(alice, blob.ref, 'avatar', { space })).rejects.toMatchObject({ code: 'ImageRefused' })
    return read.mock.calls.length
  }
  const first = await reads(friends)
  expect(first).toBeGreaterThan(0)
  expect([await reads(friends), await reads(work)]).toEqual([0, first])
})

test('options that are invalid are refused', async () => {
  const { images } = await openImages()
  const cid = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'
  expect(() => createImageHandler(images, { authorizeSpace: true as never })).toThrow('authorizeSpace must be')
  const variant = images.variant(alice, cid, 'avatar', { space: 'friends' })
  await expect(variant).rejects.toMatchObject({ code: 'InvalidArgument' })
})
