import { expect, test } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { alice, asAlice, bytesOf, openPlace, query, tokens, xrpc } from './place.ts'
import { serve } from './servers.ts'

const types = [
  'text/html',
  'image/svg+xml',
  'application/pdf',
  'text/xml',
  'application/xhtml+xml',
  'application/javascript',
  'text/css',
  'application/wasm',
  'application/x-shockwave-flash',
  'image/png',
  'video/mp4',
  'application/octet-stream',
]
const other = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

/** One request for each outcome of getBlob. */
function requestsFor(cid: string): [status: number, init: RequestInit, params: Record<string, string>][] {
  const blob = { did: alice, cid }
  return [
    [200, {}, blob],
    [200, { method: 'HEAD' }, blob],
    [204, { method: 'OPTIONS' }, blob],
    [206, { headers: { range: 'bytes=1-5' } }, blob],
    [304, { headers: { 'if-none-match': `"${cid}"` } }, blob],
    [304, { method: 'HEAD', headers: { 'if-none-match': `"${cid}"` } }, blob],
    [400, {}, { did: alice, cid: cid.toUpperCase() }],
    [400, {}, { did: 'nobody', cid }],
    [404, {}, { did: alice, cid: other }],
    [404, { method: 'HEAD' }, { did: alice, cid: other }],
    [405, { method: 'DELETE' }, blob],
    [412, { headers: { 'if-match': '"other"' } }, blob],
    [416, { headers: { range: 'bytes=900-' } }, blob],
  ]
}

function expectHeaders(headers: Headers, cid: string | null, what: string): void {
  expect(headers.get('x-content-type-options'), what).toBe('nosniff')
  expect(headers.get('content-security-policy'), what).toBe("default-src 'none'; frame-ancestors 'none'; sandbox")
  expect(headers.get('cross-origin-resource-policy'), what).toBe('cross-origin')
  expect(headers.get('content-disposition'), what).toBe(cid ? `attachment; filename="${cid}"` : 'attachment')
  expect(headers.get('access-control-allow-origin'), what).toBe('*')
}

test('every response of getBlob has every security header, whatever the type and the status', async () => {
  const { blobs, publish } = await openPlace()
  const handler = createBlobHandler(blobs, tokens)
  const { origin } = await serve(blobs)
  for (const type of types) {
    const own = await publish(alice, bytesOf(100), type)
    for (const [status, init, params] of requestsFor(own)) {
      const path = query(xrpc.get, params)
      const what = `${type} ${status} ${init.method ?? 'GET'}`
      const expected = params.cid === own || params.cid === other ? (params.cid ?? null) : null
      const viaWeb = await handler(new Request(`http://pds.example${path}`, init))
      expect(viaWeb.status, what).toBe(status)
      expectHeaders(viaWeb.headers, expected, what)
      const viaNode = await fetch(origin + path, init)
      expect(viaNode.status, what).toBe(status)
      expectHeaders(viaNode.headers, expected, `${what}, Node`)
      if (status === 200 || status === 206) expect(viaNode.headers.get('content-type'), what).toBe(type)
      await viaNode.arrayBuffer()
      await viaWeb.arrayBuffer()
    }
  }
})

test('the other methods and unknown paths have the security headers too', async () => {
  const { blobs } = await openPlace()
  const { origin } = await serve(blobs)
  const handler = createBlobHandler(blobs, tokens)
  const requests: [number, string, RequestInit][] = [
    [200, query(xrpc.list, { did: alice }), {}],
    [200, xrpc.missing, { headers: asAlice }],
    [200, xrpc.upload, { method: 'POST', headers: asAlice, body: 'text' }],
    [400, xrpc.list, {}],
    [401, xrpc.missing, {}],
    [405, xrpc.upload, {}],
    [404, '/xrpc/com.atproto.sync.getRepo', {}],
  ]
  for (const [status, path, init] of requests) {
    for (const response of [await fetch(origin + path, init), await handler(new Request(`http://x${path}`, init))]) {
      expect(response.status, path).toBe(status)
      expect(response.headers.get('x-content-type-options'), path).toBe('nosniff')
      expect(response.headers.get('content-security-policy'), path).toBe(
        "default-src 'none'; frame-ancestors 'none'; sandbox",
      )
      expect(response.headers.get('cross-origin-resource-policy'), path).toBe('cross-origin')
      expect(response.headers.get('content-disposition'), path).toBe('attachment')
      await response.arrayBuffer()
    }
  }
})

test('headers that the host set for its pages do not weaken the security headers', async () => {
  const { blobs, publish } = await openPlace()
  const cid = await publish(alice, bytesOf(10), 'text/html')
  const { server, origin } = await serve(blobs)
  server.prependListener('request', (_req, res) => {
    res.setHeader('Content-Security-Policy', "default-src 'self' 'unsafe-inline'")
    res.setHeader('Cross-Origin-Resource-Policy', 'same-origin')
  })
  const response = await fetch(origin + query(xrpc.get, { did: alice, cid }))
  expectHeaders(response.headers, cid, 'above the host')
  await response.arrayBuffer()
})
