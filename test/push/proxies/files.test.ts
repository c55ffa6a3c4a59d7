import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blobRouter } from '../../../src/express.ts'
import { alice, bytesOf, openPlace, query, tokens, xrpc } from '../../http/place.ts'
import { type Answer, ask } from './client.ts'
import { isInstalled, type ProxyName, startProxy } from './proxy.ts'

// Large blobs are sent by nginx or Caddy, with the lines in docs/proxies.md. Fails when a security header is lost on the
// way, when the proxy would send what is taken down, or when the files are open to clients.

const redirect = { to: 'file', location: '/pds-blobs/', above: 300_000, keepsSecurityHeaders: true } as const

async function behind(name: ProxyName) {
  const place = await openPlace({ limits: { maxBlobSize: 50_000_000 } })
  const byUs: string[] = []
  const router = blobRouter(place.blobs, { ...tokens, redirect })
  const server = createServer((req, res) => {
    if (req.url === '/xrpc/_health') return void res.end()
    const writeHead = res.writeHead.bind(res) as (status: number, headers?: Record<string, string>) => typeof res
    res.writeHead = ((status: number, headers: Record<string, string> = {}) => {
      byUs.push(headers['x-accel-redirect'] ?? 'bytes')
      return writeHead(status, headers)
    }) as typeof res.writeHead
    router(req, res)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const { origin } = await startProxy(name, [port], join(place.root, 'blobs'))
  const get = (cid: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
    ask(origin + query(xrpc.get, { did: alice, cid }), { method, headers })
  return { ...place, byUs, get, origin }
}

for (const name of ['nginx', 'caddy'] as const)
  describe.skipIf(!isInstalled(name))(`with ${name} sending large blobs`, () => {
    test('they arrive whole and in parts, with every header of a blob', async () => {
      const { publish, get, byUs } = await behind(name)
      const [large, small] = [bytesOf(2_000_000), bytesOf(1000)]
      const [cid, other] = [await publish(alice, large, 'image/png'), await publish(alice, small, 'image/png')]
      const [whole, direct] = [await get(cid), await get(other)]
      expect(byUs[0]).toMatch(/^\/pds-blobs\/blobs\/[a-z2-7]{2}\/bafkrei/)
      expect(byUs[1]).toBe('bytes')
      expect(Buffer.compare(whole.body, large)).toBe(0)
      const compared = [
        ...[
          'content-type',
          'content-disposition',
          'content-security-policy',
          'x-content-type-options',
          'accept-ranges',
        ],
        ...['cross-origin-resource-policy', 'access-control-allow-origin', 'cache-control', 'vary'],
      ]
      for (const name of compared) {
        const expected = String(direct.headers[name]).replaceAll(other, cid)
        expect([name, whole.headers[name]]).toEqual([name, expected])
      }
      expect(whole.headers.etag).toBe(`"${cid}"`)
      expect(whole.headers).not.toHaveProperty('x-accel-redirect')
      expect(whole.headers, 'the age of the file').not.toHaveProperty('last-modified')
      const [past, future] = [new Date(0).toUTCString(), new Date(Date.now() + 86_400_000).toUTCString()]
      expect((await get(cid, { 'if-modified-since': future })).status).toBe(200)
      expect((await get(cid, { 'if-unmodified-since': past })).status).toBe(200)
      const rest = { range: 'bytes=1999990-' }
      expect((await get(cid, { ...rest, 'if-range': `"${cid}"` })).body).toHaveLength(10)
      expect((await get(cid, { ...rest, 'if-range': future })).status).toBe(200)
      const part = await get(cid, { range: 'bytes=1000000-1000009' })
      expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 1000000-1000009/2000000'])
      expect(Buffer.compare(part.body, large.subarray(1_000_000, 1_000_010))).toBe(0)
      expect((await get(cid, { range: 'bytes=2000000-' })).status).toBe(416)
      expect((await get(cid, { 'if-none-match': `"${cid}"` })).status).toBe(304)
      const head = await get(cid, {}, 'HEAD')
      expect([head.status, head.headers['content-length']]).toEqual([200, '2000000'])
    })

    test('what is taken down is gone at once, and the files are reached by no other address', async () => {
      const { blobs, publish, get, byUs, origin } = await behind(name)
      const cid = await publish(alice, bytesOf(400_000), 'image/png')
      expect((await get(cid)).status).toBe(200)
      const file = byUs[0] ?? ''
      expect((await ask(origin + file)).status).toBe(404)
      await blobs.takedown(alice, cid)
      expect((await get(cid)).status).toBe(404)
    })
  })
