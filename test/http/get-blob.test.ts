import { expect, test } from 'vitest'
import { type BlobHandlerOptions, createBlobHandler } from '../../src/http.ts'
import type { BlobBackend, BlobStore } from '../../src/index.ts'
import { alice, asAlice, bob, bytesOf, errorOf, openPlace, query, tokens, xrpc } from './place.ts'

/** Sends a getBlob request to a handler. */
function asker(blobs: BlobStore, options: Partial<BlobHandlerOptions> = {}) {
  const handler = createBlobHandler(blobs, { ...tokens, ...options })
  return (did: string, cid: string, init: RequestInit = {}) =>
    handler(new Request(`http://pds.example${query(xrpc.get, { did, cid })}`, init))
}

test('the bytes are served as they were uploaded', async () => {
  const { blobs, publish } = await openPlace()
  const get = asker(blobs)
  for (const size of [0, 1, 1000, 262_144, 700_000]) {
    const bytes = bytesOf(size)
    const cid = await publish(alice, bytes, 'image/png')
    const response = await get(alice, cid)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('image/png')
    expect(response.headers.get('content-length')).toBe(String(size))
    expect(response.headers.get('etag')).toBe(`"${cid}"`)
    expect(response.headers.get('accept-ranges')).toBe('bytes')
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
  }
})

test('HEAD and conditional requests open no bytes', async () => {
  let opened = 0
  const wrap = (backend: BlobBackend): BlobBackend => {
    const get = backend.get.bind(backend)
    backend.get = (...args) => {
      opened++
      return get(...args)
    }
    return backend
  }
  const { blobs, publish } = await openPlace({ wrap })
  const cid = await publish(alice, bytesOf(1000), 'image/png')
  const get = asker(blobs)
  const head = await get(alice, cid, { method: 'HEAD' })
  expect(head.status).toBe(200)
  expect(head.headers.get('content-length')).toBe('1000')
  expect(head.headers.get('content-type')).toBe('image/png')
  expect(await head.text()).toBe('')
  expect((await get(alice, cid, { headers: { 'if-none-match': '*' } })).status).toBe(304)
  expect((await get(alice, cid, { headers: { range: 'bytes=1000-' } })).status).toBe(416)
  expect(opened).toBe(0)
  await (await get(alice, cid)).arrayBuffer()
  expect(opened).toBe(1)
})

test('HEAD ignores ranges', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(1000))
  for (const range of ['bytes=0-9', 'bytes=2000-']) {
    const response = await asker(blobs)(alice, cid, { method: 'HEAD', headers: { range } })
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '1000'])
  }
})

test('If-None-Match compares weakly, accepts lists, and works with no-cache too, which fetch adds to it', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const get = asker(blobs)
  const status = async (headers: Record<string, string>) => (await get(alice, cid, { headers })).status
  expect(await status({ 'if-none-match': `"${cid}"` })).toBe(304)
  expect(await status({ 'if-none-match': `W/"${cid}"` })).toBe(304)
  expect(await status({ 'if-none-match': `"a", "${cid}" , "b"` })).toBe(304)
  expect(await status({ 'if-none-match': '*' })).toBe(304)
  expect(await status({ 'if-none-match': '"other"' })).toBe(200)
  expect(await status({ 'if-none-match': cid })).toBe(200)
  expect(await status({ 'if-none-match': `"${cid}"`, 'cache-control': 'no-cache' })).toBe(304)
  expect(await status({ 'if-modified-since': new Date().toUTCString() })).toBe(200)
  expect(await status({ 'if-none-match': `"${cid}"`, range: 'bytes=0-1' })).toBe(304)
})

test('a 304 says how long it may be cached, and nothing about a body', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const { headers } = await asker(blobs, { maxAge: 60 })(alice, cid, { headers: { 'if-none-match': `"${cid}"` } })
  expect(headers.get('cache-control')).toBe('public, max-age=60, must-revalidate, no-transform')
  expect(headers.get('etag')).toBe(`"${cid}"`)
  expect(headers.get('content-length')).toBeNull()
  expect(headers.get('content-type')).toBeNull()
})

test('If-Range compares strongly: anything but the ETag itself is answered by the whole blob', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const get = asker(blobs)
  const status = async (value: string, range = 'bytes=0-1') =>
    (await get(alice, cid, { headers: { 'if-range': value, range } })).status
  expect(await status(`"${cid}"`)).toBe(206)
  expect(await status(`W/"${cid}"`)).toBe(200)
  expect(await status('"other"')).toBe(200)
  expect(await status(new Date().toUTCString())).toBe(200)
  expect(await status('"other"', 'bytes=99-')).toBe(200)
})

test('If-Match with another ETag is refused', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const get = asker(blobs)
  const status = async (value: string) => (await get(alice, cid, { headers: { 'if-match': value } })).status
  expect(await status('"other"')).toBe(412)
  expect(await status(`W/"${cid}"`)).toBe(412)
  expect(await status(`"other", "${cid}"`)).toBe(200)
  expect(await status('*')).toBe(200)
})

test('an upload that no record references is not served', async () => {
  const { blobs } = await openPlace()
  const ref = await blobs.upload(alice, bytesOf(10))
  for (const headers of [{}, { 'if-none-match': '*' }, { range: 'bytes=0-1' }, asAlice]) {
    expect(await errorOf(await asker(blobs)(alice, ref.ref.toString(), { headers }))).toEqual([404, 'BlobNotFound'])
  }
})

test("another account's blob is not found under one's own DID", async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  await publish(bob, bytesOf(10))
  expect(await errorOf(await asker(blobs)(bob, cid))).toEqual([404, 'BlobNotFound'])
})

test('a blob that was taken down is not found, even by clients that have it cached, until it is restored', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const get = asker(blobs)
  const headers = { 'if-none-match': `"${cid}"` }
  expect((await get(alice, cid, { headers })).status).toBe(304)
  await blobs.takedown(alice, cid)
  expect(await errorOf(await get(alice, cid, { headers }))).toEqual([404, 'BlobNotFound'])
  expect(await errorOf(await get(alice, cid, { headers: { range: 'bytes=0-1' } }))).toEqual([404, 'BlobNotFound'])
  expect((await get(alice, cid, { method: 'HEAD' })).status).toBe(404)
  await blobs.reverseTakedown(alice, cid)
  expect((await get(alice, cid, { headers })).status).toBe(304)
})

test('a purged blob is not found, whichever account had it', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  await publish(bob, bytesOf(10))
  const get = asker(blobs)
  await blobs.purge('*', cid)
  for (const did of [alice, bob]) {
    expect(await errorOf(await get(did, cid, { headers: { 'if-none-match': `"${cid}"` } }))).toEqual([
      404,
      'BlobNotFound',
    ])
    expect((await get(did, cid, { method: 'HEAD' })).status).toBe(404)
  }
})

test('caches may keep a blob for five minutes, never longer without revalidation, and no error at all', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const control = async (asked: Promise<Response>) => (await asked).headers.get('cache-control')
  const get = asker(blobs)
  const kept = 'public, max-age=300, must-revalidate, no-transform'
  expect(await control(get(alice, cid))).toBe(kept)
  expect(await control(get(alice, cid, { headers: { range: 'bytes=0-1' } }))).toBe(kept)
  expect(await control(get(bob, cid))).toBe('no-store')
  expect(await control(get(alice, cid, { headers: { range: 'bytes=10-' } }))).toBe('no-store')
})

test('nothing of an account that is not active is served', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const expected = {
    takendown: 'RepoTakendown',
    suspended: 'RepoSuspended',
    deactivated: 'RepoDeactivated',
  } as const
  for (const [status, error] of Object.entries(expected)) {
    const get = asker(blobs, { accountStatus: () => status as keyof typeof expected })
    expect(await errorOf(await get(alice, cid))).toEqual([400, error])
    expect(await errorOf(await get(alice, cid, { headers: { 'if-none-match': '*' } }))).toEqual([400, error])
  }
  expect(await errorOf(await asker(blobs, { accountStatus: async () => null })(alice, cid))).toEqual([
    400,
    'RepoNotFound',
  ])
  expect(
    (await asker(blobs, { accountStatus: async (did) => (did === alice ? 'active' : null) })(alice, cid)).status,
  ).toBe(200)
})

test('an invalid status hides the account and is reported to the host', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const errors: unknown[] = []
  const accountStatus = () => 'constructor' as 'active'
  const get = asker(blobs, { accountStatus, onError: (error) => errors.push(error) })
  expect(await errorOf(await get(alice, cid))).toEqual([500, 'InternalServerError'])
  expect(String(errors)).toContain('constructor')
})

test('malformed parameters are refused', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  const get = asker(blobs)
  const record = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
  for (const [did, other] of [
    ['', cid],
    ['alice.example', cid],
    ['did:plc:a/../b', cid],
    [`did:plc:${'a'.repeat(3000)}`, cid],
    [alice, ''],
    [alice, record],
    [alice, `${cid}=`],
    [alice, cid.toUpperCase()],
    [alice, `../${cid}`],
  ] as const) {
    expect(await errorOf(await get(did, other)), `${did} ${other}`.slice(0, 80)).toEqual([400, 'InvalidRequest'])
  }
})

test('a type that was corrupted in the database is served as application/octet-stream', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10))
  for (const mimeType of ['text/html\r\nset-cookie: a=b', 'html', '', 'text/html, image/png']) {
    const corrupted: BlobStore = {
      ...blobs,
      read: async (...args) => Object.assign(await blobs.read(...args), { mimeType }),
    }
    const response = await asker(corrupted)(alice, cid)
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(response.headers.get('set-cookie')).toBeNull()
    await response.arrayBuffer()
  }
})
