import { expect, test, vi } from 'vitest'
import { cacheTagOf, createBlobHandler } from '../../src/http.ts'
import { createImageHandler, createImageVariants } from '../../src/images.ts'
import { type InaccessibleEvent, isBlobStoreError, MemoryBackend } from '../../src/index.ts'
import { sampleBlob } from '../../src/testing.ts'
import { alice, bob, openPlace, tokens, xrpc } from './place.ts'

// Fails when the tags depend on the address, or a response (a range, 304, HEAD, an image) has none.
test('a purge by tag removes every spelling of the address, and every response, of what is no longer public', async () => {
  const { blobs, publish } = await openPlace()
  const { bytes } = sampleBlob('image/png')
  const cid = await publish(alice, bytes, 'image/png')
  await publish(bob, bytes, 'image/png')
  const images = createImageVariants({ blobs, cache: new MemoryBackend() })
  const separators = { 'cache-tag': ',', 'surrogate-key': ' ' } as const
  for (const [cacheTags, separator] of Object.entries(separators) as [keyof typeof separators, string][]) {
    const getBlob = createBlobHandler(blobs, { ...tokens, cacheTags })
    const getImage = createImageHandler(images, { cacheTags })
    const escaped = encodeURIComponent(alice)
    const asked: [string, RequestInit?][] = [
      [`?did=${alice}&cid=${cid}`],
      [`?cid=${cid}&did=${escaped}`],
      [`?cid=${cid}&did=${escaped}&x=1`, { headers: { range: 'bytes=0-1' } }],
      [`?did=${alice}&cid=${cid}`, { headers: { 'if-none-match': `"${cid}"` } }],
      [`?did=${alice}&cid=${cid}`, { method: 'HEAD' }],
    ]
    const responses = [
      ...(await Promise.all(asked.map(([q, init]) => getBlob(new Request(`http://x${xrpc.get}${q}`, init))))),
      await getImage(new Request(`http://x/img/avatar/plain/${escaped}/${cid}@jpeg`)),
    ]
    const events: { did: string; cid: string | null }[] = [
      { did: alice, cid },
      { did: '*', cid },
      { did: alice, cid: null },
    ]
    for (const response of responses) {
      expect([200, 206, 304]).toContain(response.status)
      const tags = response.headers.get(cacheTags)?.split(separator) ?? []
      for (const event of events) expect(tags).toContain(cacheTagOf(event))
      // Not what another account has of the same bytes.
      expect(tags).not.toContain(cacheTagOf({ did: bob, cid }))
      expect(tags).not.toContain(cacheTagOf({ did: bob, cid: null }))
    }
    const missing = await getBlob(new Request(`http://x${xrpc.get}?did=did:plc:nobody&cid=${cid}`))
    expect([missing.status, missing.headers.get(cacheTags)]).toEqual([404, null])
  }
  await images.close()
})

test('the hook has the values for the tag, and without the option there is no tag', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, new Uint8Array(10))
  const told: string[] = []
  blobs.setHooks({ onInaccessible: (event: InaccessibleEvent) => void told.push(cacheTagOf(event)) })
  const response = await createBlobHandler(blobs, tokens)(new Request(`http://x${xrpc.get}?did=${alice}&cid=${cid}`))
  expect([response.headers.get('cache-tag'), response.headers.get('surrogate-key')]).toEqual([null, null])
  await blobs.takedown(alice, cid)
  await blobs.takedown('*', cid)
  await blobs.deleteAccount(alice)
  await vi.waitFor(() => expect(told).toEqual([`${alice}/${cid}`, cid, alice]))
  expect(() => createBlobHandler(blobs, { ...tokens, cacheTags: 'x-tag' as never })).toThrow(
    expect.toSatisfy((error) => isBlobStoreError(error, 'InvalidArgument')),
  )
})
