import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { type BlobHandlerOptions, createBlobHandler, type Redirect } from '../../src/http.ts'
import {
  type BlobStore,
  type BlobStoreOptions,
  createBlobStore,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { S3Place } from '../support/s3.ts'
import { alice, asAlice, bob, errorOf, query, tokens, xrpc } from './place.ts'

const headers = [
  'x-content-type-options',
  'content-security-policy',
  'content-disposition',
  'access-control-allow-origin',
]

function open(options: Partial<BlobStoreOptions> = {}): BlobStore {
  const blobs = createBlobStore({
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'], mimePolicy: 'declared' },
    ...options,
  })
  onTestFinished(() => blobs.close())
  return blobs
}

async function publish(blobs: BlobStore, did: string, text: string, mimeType: string): Promise<string> {
  const blob = await blobs.upload(did, Buffer.from(text), { mimeType })
  const uri = `at://${did}/app.example.post/${blob.ref}`
  await blobs.applyWrites(did, [{ action: 'create', uri, record: { blob } }], { rev: '3jzfcijpj2z2a' })
  return blob.ref.toString()
}

function asker(blobs: BlobStore, options: Partial<BlobHandlerOptions>) {
  const handler = createBlobHandler(blobs, { ...tokens, ...options })
  return (did: string, cid: string, init: RequestInit = {}) =>
    handler(new Request(`http://pds.example${query(xrpc.get, { did, cid })}`, init))
}

describe.skipIf(!inject('s3'))('a redirect to the backend', () => {
  function place(): BlobStore {
    const bytes = new S3Place(inject('s3') as NonNullable<ReturnType<typeof inject<'s3'>>>)
    onTestFinished(() => bytes.remove())
    return open({ backend: bytes.backend() })
  }

  test('leads to the bytes, with the type of the blob and as a download', async () => {
    const blobs = place()
    const cid = await publish(blobs, alice, '<script>alert(1)</script>', 'text/html')
    const response = await asker(blobs, { redirect: { to: 'backend', expiresIn: 30 } })(alice, cid)
    expect(response.status).toBe(302)
    expect(response.headers.get('cache-control')).toBe('no-store')
    for (const name of headers) expect(response.headers.get(name), name).not.toBeNull()
    const location = new URL(response.headers.get('location') ?? '')
    expect(location.searchParams.get('X-Amz-Expires')).toBe('30')

    const answer = await fetch(location)
    expect([answer.status, await answer.text()]).toEqual([200, '<script>alert(1)</script>'])
    expect(answer.headers.get('content-type')).toBe('text/html')
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${cid}"`)
    const part = await fetch(location, { headers: { range: 'bytes=1-6' } })
    expect([part.status, await part.text()]).toEqual([206, 'script'])
    expect((await fetch(location, { method: 'DELETE' })).status).toBe(403)

    // A client that finds the object directly gets no page either.
    for (const name of location.searchParams.keys())
      if (name.startsWith('response-')) location.searchParams.set(name, 'a/b')
    expect((await fetch(location)).status).toBe(403)
  })

  test('is sent only to viewers who may see the blob, and not where no bytes are needed', async () => {
    const blobs = place()
    const cid = await publish(blobs, alice, 'a', 'text/plain')
    const get = asker(blobs, {
      redirect: { to: 'backend' },
      accountStatus: (did) => (did === bob ? 'suspended' : 'active'),
    })
    expect((await get(alice, cid, { method: 'HEAD' })).status).toBe(200)
    expect((await get(alice, cid, { headers: { 'if-none-match': `"${cid}"` } })).status).toBe(304)
    expect((await get(alice, cid, { headers: { range: 'bytes=5-' } })).status).toBe(416)
    expect((await get(alice, cid, { headers: { range: 'bytes=0-0' } })).status).toBe(302)
    expect(await errorOf(await get(bob, cid))).toEqual([400, 'RepoSuspended'])
    const temporary = await blobs.upload(alice, Buffer.from('temporary'))
    expect((await get(alice, temporary.ref.toString())).status).toBe(404)
    await blobs.takedown(alice, cid)
    expect((await get(alice, cid)).status).toBe(404)
    expect(await blobs.presign(alice, cid)).toBeNull()
    expect(await blobs.presign(alice, cid, { as: 'moderator' })).toMatchObject({ cid, takenDown: true })
  })

  test('is valid for at most a minute', async () => {
    const blobs = place()
    const cid = await publish(blobs, alice, 'a', 'text/plain')
    for (const expiresIn of [0, 61, 1.5]) {
      await expect(blobs.presign(alice, cid, { expiresIn })).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
  })
})

describe('a redirect to a CDN', () => {
  const redirect: Redirect = {
    to: 'cdn',
    url: ({ did, cid }) => `https://cdn.example/${encodeURIComponent(did)}/${cid}`,
    addsSecurityHeaders: true,
  }
  const hooks = { onInaccessible: () => {} }

  test('leads to the address that the host returns, while the blob is visible', async () => {
    const blobs = open({ hooks })
    const cid = await publish(blobs, alice, 'a', 'text/plain')
    const get = asker(blobs, { redirect })
    const response = await get(alice, cid)
    expect([response.status, response.headers.get('location')]).toEqual([
      302,
      `https://cdn.example/${encodeURIComponent(alice)}/${cid}`,
    ])
    await blobs.takedown(alice, cid)
    expect((await get(alice, cid)).status).toBe(404)
  })

  test('needs a store with a purge hook, and a CDN that adds the headers', () => {
    const refused = { code: 'InvalidArgument' }
    const handler = (blobs: BlobStore, given: unknown) =>
      expect(() => createBlobHandler(blobs, { ...tokens, redirect: given as Redirect }))
    handler(open(), redirect).toThrow(expect.objectContaining(refused))
    const { addsSecurityHeaders: _, ...unconfirmed } = redirect
    handler(open({ hooks }), unconfirmed).toThrow(expect.objectContaining(refused))
    handler(open({ hooks }), redirect).not.toThrow()
  })

  test('leads to no other protocols', async () => {
    const blobs = open({ hooks })
    const cid = await publish(blobs, alice, 'a', 'text/plain')
    const get = asker(blobs, { redirect: { ...redirect, url: () => 'javascript:alert(1)' } })
    expect((await get(alice, cid)).status).toBe(500)
  })
})

test('clients are not redirected unless the host says so', async () => {
  const blobs = open()
  const cid = await publish(blobs, alice, 'a', 'text/plain')
  expect((await asker(blobs, {})(alice, cid, { headers: asAlice })).status).toBe(200)
})

test('a blob whose backend has no addresses is served by this server', async () => {
  const blobs = open()
  const cid = await publish(blobs, alice, 'abc', 'text/plain')
  const get = asker(blobs, { redirect: { to: 'backend' } })
  expect(await (await get(alice, cid)).text()).toBe('abc')
  expect(await (await get(alice, cid, { headers: { range: 'bytes=1-1' } })).text()).toBe('b')
  expect(await blobs.presign(alice, cid)).toMatchObject({ cid, url: null })
})
