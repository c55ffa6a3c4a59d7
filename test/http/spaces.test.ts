import { createServer } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import { internalSpace } from '../../src/blob/spaces.ts'
import { type BlobRouterOptions, blobRouter, XrpcError } from '../../src/express.ts'
import { type BlobHandlerOptions, createBlobHandler, createBlobHandlers } from '../../src/http.ts'
import { cidOfBytes, createBlobRef } from '../../src/index.ts'
import { friends, nextRev, post, postIn, uriIn, work } from '../support/samples.ts'
import { alice, asAlice, bob, bytesOf, errorOf, jsonOf, openPlace, type Place, query, tokens, xrpc } from './place.ts'
import { listen, serve } from './servers.ts'

const letAllIn = { authorizeSpace: () => true }

type Ask = (path: string, params: Record<string, string>, init?: RequestInit) => Promise<Response>

function asker({ blobs }: Place, options: Partial<BlobHandlerOptions> = letAllIn): Ask {
  const handler = createBlobHandler(blobs, { ...tokens, ...options })
  return (path, params, init) => handler(new Request(`http://pds.example${query(path, params)}`, init))
}

/** A blob of alice's that a record in `friends` names. */
async function share({ blobs }: Place, bytes = bytesOf(1000), space = friends): Promise<string> {
  const blob = await blobs.upload(alice, bytes, { mimeType: 'image/png' })
  const cid = blob.ref.toString()
  await postIn(space, blobs, alice, cid, blob)
  return cid
}

describe('space.getBlob', () => {
  test('gives the bytes as they were uploaded, to be kept by no cache that others share', async () => {
    const place = await openPlace()
    const bytes = bytesOf(1000)
    const cid = await share(place, bytes)
    const ask = asker(place, { ...letAllIn, cacheTags: 'cache-tag', maxAge: 60 })
    const response = await ask(xrpc.getInSpace, { space: friends, repo: alice, cid })
    expect(Object.fromEntries(response.headers)).toEqual({
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache, no-transform',
      'content-disposition': `attachment; filename="${cid}"`,
      'content-length': '1000',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'content-type': 'image/png',
      'cross-origin-resource-policy': 'same-origin',
      etag: `"${cid}"`,
      vary: 'Sec-Fetch-Dest',
      'x-content-type-options': 'nosniff',
    })
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
    const again = await ask(
      xrpc.getInSpace,
      { space: friends, repo: alice, cid },
      { headers: { 'if-none-match': `"${cid}"` } },
    )
    expect([again.status, again.headers.get('cache-control')]).toEqual([304, 'private, no-cache, no-transform'])
  })

  test('is refused to who has left the space, also with the blob in the cache', async () => {
    const place = await openPlace()
    const cid = await share(place)
    const members = new Set([bob])
    const ask = asker(place, {
      authorizeSpace: ({ headers }) => members.has(headers.get('authorization')?.split(' ')[1] ?? ''),
    })
    const headers = { authorization: `Bearer ${bob}`, 'if-none-match': `"${cid}"` }
    const blob = { space: friends, repo: alice, cid }
    expect((await ask(xrpc.getInSpace, blob, { headers })).status).toBe(304)
    members.clear()
    expect(await errorOf(await ask(xrpc.getInSpace, blob, { headers }))).toEqual([403, 'Forbidden'])
  })

  test('is served to no page as code, and verified like any other', async () => {
    const place = await openPlace()
    const cid = await share(place)
    const read = vi.spyOn(place.blobs, 'read')
    const ask = asker(place, { ...letAllIn, verify: true })
    const blob = { space: friends, repo: alice, cid }
    await (await ask(xrpc.getInSpace, blob)).arrayBuffer()
    expect(read.mock.lastCall?.[2]).toMatchObject({ space: friends, verify: true })
    const script = await ask(xrpc.getInSpace, blob, { headers: { 'sec-fetch-dest': 'script' } })
    expect(await errorOf(script)).toEqual([403, 'Forbidden'])
  })

  test('is at once not found when the last record in the space is gone, or the space is dropped', async () => {
    const place = await openPlace()
    const [deleted, dropped] = [await share(place), await share(place)]
    const ask = asker(place)
    const get = async (cid: string, init?: RequestInit) =>
      (await ask(xrpc.getInSpace, { space: friends, repo: alice, cid }, init)).status
    expect([await get(deleted), await get(dropped)]).toEqual([200, 200])
    const uri = uriIn(friends, alice, deleted)
    await place.blobs.applyWrites(alice, [{ action: 'delete', uri }], { rev: nextRev() })
    expect(await get(deleted, { headers: { 'if-none-match': '*' } })).toBe(404)
    await place.blobs.dropSpace(alice, friends)
    expect(await get(dropped, { headers: { 'if-none-match': '*' } })).toBe(404)
  })

  test('redirects nobody, unless an option of its own says so', async () => {
    const place = await openPlace()
    place.blobs.setHooks({ onInaccessible: () => {} })
    const cid = await share(place)
    await post(place.blobs, alice, 'a', createBlobRef({ cid, mimeType: 'image/png', size: 1000 }))
    const cdn = (host: string) => ({
      to: 'cdn' as const,
      url: (blob: { cid: string; space?: string }) => `https://${host}/${blob.cid}?${blob.space ?? 'public'}`,
      addsSecurityHeaders: true as const,
    })
    const [open, closed] = [
      { path: xrpc.get, params: { did: alice, cid } },
      { path: xrpc.getInSpace, params: { space: friends, repo: alice, cid } },
    ]
    const locationOf = async (options: Partial<BlobHandlerOptions>, { path, params }: typeof open | typeof closed) =>
      (await asker(place, { ...letAllIn, ...options })(path, { ...params })).headers.get('location')
    expect(await locationOf({ redirect: cdn('open') }, closed)).toBeNull()
    expect(await locationOf({ redirect: cdn('open') }, open)).toBe(`https://open/${cid}?public`)
    expect(await locationOf({ redirectSpace: cdn('closed') }, open)).toBeNull()
    expect(await locationOf({ redirectSpace: cdn('closed') }, closed)).toBe(`https://closed/${cid}?${friends}`)
  })
})

describe('space.listBlobs', () => {
  test('lists what the records of one account in one space reference, page by page', async () => {
    const place = await openPlace()
    const ask = asker(place)
    const cids = [await share(place), await share(place), await share(place)].sort()
    const elsewhere = await share(place, bytesOf(10), work)
    await place.publish(alice, bytesOf(10))
    const listed: string[] = []
    let cursor: string | undefined
    do {
      const params = { space: friends, repo: alice, limit: '2', ...(cursor ? { cursor } : {}) }
      const page = await jsonOf(await ask(xrpc.listSpace, params))
      listed.push(...page.cids)
      cursor = page.cursor
    } while (cursor)
    expect(listed).toEqual(cids)
    const bodyOf = async (space: string, repo: string) => await jsonOf(await ask(xrpc.listSpace, { space, repo }))
    expect(await bodyOf(work, alice)).toEqual({ cids: [elsewhere] })
    expect(await bodyOf(friends, bob)).toEqual({ cids: [] })
  })

  test('compares `since` with the revisions of that repository, and takes a limit of 1 to 1000', async () => {
    const place = await openPlace()
    const ask = asker(place)
    const before = nextRev()
    const cid = await share(place)
    const after = nextRev()
    const page = { space: friends, repo: alice }
    expect(await jsonOf(await ask(xrpc.listSpace, { ...page, since: before }))).toEqual({ cids: [cid] })
    expect(await jsonOf(await ask(xrpc.listSpace, { ...page, since: after }))).toEqual({ cids: [] })
    for (const limit of ['1', '1000']) expect((await ask(xrpc.listSpace, { ...page, limit })).status).toBe(200)
    for (const params of [{ limit: '0' }, { limit: '1001' }, { since: 'yesterday' }, { cursor: '../etc' }]) {
      expect(await errorOf(await ask(xrpc.listSpace, { ...page, ...params }))).toEqual([400, 'InvalidRequest'])
    }
  })

  test('is not cached', async () => {
    const place = await openPlace()
    const { headers } = await asker(place)(xrpc.listSpace, { space: friends, repo: alice })
    expect(headers.get('cache-control')).toBe('no-store')
  })
})

describe("the host's decision", () => {
  test('comes before any look-up, so that a refusal is the same whatever there is', async () => {
    const place = await openPlace()
    const cid = await share(place)
    const absent = cidOfBytes(bytesOf(10))
    const look = [vi.spyOn(place.blobs, 'stat'), vi.spyOn(place.blobs, 'read'), vi.spyOn(place.blobs, 'listSpace')]
    const accountStatus = vi.fn(() => null)
    const ask = asker(place, { authorizeSpace: () => false, accountStatus })
    for (const [headers, status, error] of [
      [{}, 401, 'AuthMissing'],
      [{ authorization: `Bearer ${bob}` }, 403, 'Forbidden'],
    ] as const) {
      const answers = new Set<string>()
      for (const params of [
        { space: friends, repo: alice, cid },
        { space: friends, repo: alice, cid: absent },
        { space: work, repo: alice, cid },
        { space: friends, repo: 'did:plc:nobody', cid },
      ]) {
        for (const init of [{}, { 'if-none-match': '*' }, { range: 'bytes=0-1' }, { 'if-match': '"other"' }]) {
          const response = await ask(xrpc.getInSpace, params, { headers: { ...headers, ...init } })
          const { 'content-disposition': _, ...rest } = Object.fromEntries(response.headers)
          answers.add(JSON.stringify([response.status, rest, await response.text()]))
        }
        expect(await errorOf(await ask(xrpc.listSpace, params, { headers }))).toEqual([status, error])
      }
      expect([...answers]).toEqual([expect.stringContaining(`[${status},`)])
    }
    for (const spy of [...look, accountStatus]) expect(spy).not.toHaveBeenCalled()
  })

  test('is asked with what the request names, and with the request', async () => {
    const place = await openPlace()
    const cid = await share(place)
    const authorizeSpace = vi.fn((_request: Request) => true)
    const url = query(xrpc.getInSpace, { space: friends, repo: alice, cid })
    const handler = createBlobHandler(place.blobs, { ...tokens, authorizeSpace })
    const request = new Request(`http://pds.example${url}`, { headers: asAlice })
    await (await handler(request)).arrayBuffer()
    expect(authorizeSpace).toHaveBeenCalledExactlyOnceWith(request, { space: friends, repo: alice })

    const onNode = vi.fn<NonNullable<BlobRouterOptions['authorizeSpace']>>(() => true)
    const { origin } = await serve(place.blobs, { authorizeSpace: onNode })
    expect((await fetch(origin + url, { headers: asAlice })).status).toBe(200)
    const [asked, access, req] = onNode.mock.lastCall ?? expect.fail()
    expect([asked.url, asked.headers.get('authorization')]).toEqual([origin + url, asAlice.authorization])
    expect([access, req.url]).toEqual([{ space: friends, repo: alice }, url])
  })

  test('may be an answer of its own: that there is no such space, or that a token has expired', async () => {
    const place = await openPlace()
    const cid = await share(place)
    const notFound = new XrpcError(400, 'SpaceNotFound', 'No such space')
    const expired = () => Response.json({ error: 'ExpiredToken' }, { status: 401, headers: { 'x-own': 'yes' } })
    const decisions: [NonNullable<BlobHandlerOptions['authorizeSpace']>, number, string][] = [
      [() => Promise.reject(notFound), 400, 'SpaceNotFound'],
      [() => expired(), 401, 'ExpiredToken'],
      [() => Promise.reject(expired()), 401, 'ExpiredToken'],
    ]
    for (const [authorizeSpace, status, error] of decisions) {
      const response = await asker(place, { authorizeSpace })(xrpc.getInSpace, { space: friends, repo: alice, cid })
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(await errorOf(response)).toEqual([status, error])
    }
  })

  test('opens nothing unless it is `true`', async () => {
    const place = await openPlace()
    const cid = await share(place)
    for (const given of [undefined, null, 1, 'true', {}, { did: alice }]) {
      const onError = vi.fn()
      const ask = asker(place, { authorizeSpace: () => given as never, onError })
      const response = await ask(xrpc.getInSpace, { space: friends, repo: alice, cid })
      expect(await errorOf(response), String(given)).toEqual([500, 'InternalServerError'])
      expect(String(onError.mock.lastCall?.[0])).toContain('authorizeSpace')
    }
  })

  test('comes before the status of the account, which is then told in the words of the Lexicon', async () => {
    const place = await openPlace()
    const cid = await share(place)
    for (const [status, error] of [
      [null, 'RepoNotFound'],
      ['takendown', 'RepoTakendown'],
      ['suspended', 'RepoSuspended'],
      ['deactivated', 'RepoDeactivated'],
    ] as const) {
      const ask = asker(place, { ...letAllIn, accountStatus: () => status })
      for (const path of [xrpc.getInSpace, xrpc.listSpace]) {
        expect(await errorOf(await ask(path, { space: friends, repo: alice, cid }))).toEqual([400, error])
      }
    }
  })

  test('is not asked for what is malformed, nor for a space of the store’s own, which shows nothing to anybody', async () => {
    const place = await openPlace()
    const own = internalSpace(alice, 'unlisted')
    const cid = await share(place, bytesOf(10), own)
    const authorizeSpace = vi.fn(() => true)
    const ask = asker(place, { authorizeSpace })
    const good = { space: friends, repo: alice, cid }
    for (const wrong of [
      { space: '' },
      { space: `${friends}/` },
      { space: `at://${alice}` },
      { space: 'public' },
      { space: own },
      { space: `at://${alice}/space/com.example.circle/${'k'.repeat(513)}` },
      { repo: '' },
      { repo: 'alice.example' },
    ]) {
      for (const path of [xrpc.getInSpace, xrpc.listSpace]) {
        const answer = await errorOf(await ask(path, { ...good, ...wrong }))
        expect(answer, JSON.stringify(wrong).slice(0, 80)).toEqual([400, 'InvalidRequest'])
      }
    }
    expect(await errorOf(await ask(xrpc.getInSpace, { ...good, cid: `${cid}=` }))).toEqual([400, 'InvalidRequest'])
    expect(authorizeSpace).not.toHaveBeenCalled()
  })
})

describe('without authorizeSpace', () => {
  const blob = { space: friends, repo: alice, cid: cidOfBytes(new Uint8Array(1)) }
  const paths = [query(xrpc.getInSpace, blob), query(xrpc.listSpace, blob)]

  test('the methods of spaces are answered as unknown ones are', async () => {
    const place = await openPlace()
    const ask = asker(place, {})
    const answerOf = async (response: Response) => [response.status, [...response.headers], await response.text()]
    for (const method of ['GET', 'OPTIONS', 'POST']) {
      const unknown = await answerOf(await ask('/xrpc/com.example.unknown', blob, { method }))
      for (const path of [xrpc.getInSpace, xrpc.listSpace]) {
        expect(await answerOf(await ask(path, blob, { method }))).toEqual(unknown)
      }
    }
    const { getSpaceBlob, listSpaceBlobs } = createBlobHandlers(place.blobs, tokens)
    for (const handler of [getSpaceBlob, listSpaceBlobs]) {
      const response = await handler(new Request('http://pds.example/spaces', { headers: asAlice }))
      expect(await errorOf(response)).toEqual([404, 'XRPCNotSupported'])
    }
  })

  test('the router leaves them to the next handler', async () => {
    const { blobs } = await openPlace()
    const router = blobRouter(blobs, tokens)
    const { origin } = await listen(createServer((req, res) => router(req, res, () => res.end('next'))))
    for (const path of paths) expect(await (await fetch(origin + path)).text()).toBe('next')
  })
})

test('a host that routes has a handler for each', async () => {
  const place = await openPlace()
  const cid = await share(place)
  const { getSpaceBlob, listSpaceBlobs } = createBlobHandlers(place.blobs, { ...tokens, ...letAllIn })
  const request = new Request(`http://pds.example${query('/any', { space: friends, repo: alice, cid })}`)
  expect((await (await getSpaceBlob(request)).arrayBuffer()).byteLength).toBe(1000)
  expect(await jsonOf(await listSpaceBlobs(request))).toEqual({ cids: [cid] })
})

test('options of spaces that are invalid are refused', async () => {
  const { blobs } = await openPlace()
  const backend = { to: 'backend' as const }
  for (const [options, message] of [
    [{ authorizeSpace: true }, 'authorizeSpace must be a function'],
    [{ redirectSpace: backend }, 'redirectSpace needs authorizeSpace'],
    [{ ...letAllIn, redirectSpace: backend, verify: true }, 'redirectSpace: bytes served elsewhere cannot be verified'],
    [{ ...letAllIn, redirectSpace: { ...backend, expiresIn: 61 } }, 'redirectSpace: expiresIn is 60 seconds at most'],
  ] as const) {
    const given = { ...tokens, ...options } as BlobHandlerOptions
    expect(() => createBlobHandler(blobs, given)).toThrow(message)
    expect(() => blobRouter(blobs, given as BlobRouterOptions)).toThrow(message)
  }
})

test('listMissingBlobs names only what public records expect: clients refuse a list with the URI of a record in a space', async () => {
  const place = await openPlace()
  const blob = createBlobRef({ cid: cidOfBytes(bytesOf(10)), mimeType: 'image/png', size: 10 })
  const uris = [uriIn(friends, alice, 'a'), `at://${alice}/app.example.post/1`]
  for (const uri of uris) {
    const write = { action: 'create' as const, uri, record: { blob } }
    await place.blobs.applyWrites(alice, [write], { rev: nextRev(), missing: 'expect' })
  }
  const { blobs } = await jsonOf(await asker(place)(xrpc.missing, {}, { headers: asAlice }))
  expect(blobs).toEqual([{ cid: String(blob.ref), recordUri: uris[1] }])
  expect((await place.blobs.listMissing(alice, { space: friends })).items).toHaveLength(1)
})
