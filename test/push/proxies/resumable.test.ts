import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { blobRouter } from '../../../src/express.ts'
import { asAlice, bytesOf, openPlace, tokens, xrpc } from '../../http/place.ts'
import { askAlone } from './client.ts'
import { isInstalled, startProxy } from './proxy.ts'

// Clients that speak the draft of resumable uploads, behind each proxy. iOS asks to continue with every upload, so an
// interim response that a proxy does not know would break all of them: nginx takes it for the response.

for (const proxy of ['caddy', 'nginx', 'haproxy'] as const) {
  test.skipIf(!isInstalled(proxy))(`an upload that may be continued goes through ${proxy}`, async () => {
    const { blobs } = await openPlace({ limits: { maxBlobSize: 50_000_000 } })
    const router = blobRouter(blobs, { ...tokens, interimResponses: proxy !== 'nginx' })
    const server = createServer({ keepAliveTimeout: 125_000 }, (req, res) => {
      if (req.url === '/xrpc/_health') res.end()
      else router(req, res)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const { origin } = await startProxy(proxy, [(server.address() as AddressInfo).port])
    for (const draft of [{}, { 'upload-draft-interop-version': '6' }]) {
      const headers = { ...asAlice, ...draft, 'content-type': 'image/png', 'upload-complete': '?1' }
      const whole = { method: 'POST', body: bytesOf(3_000_000), headers: { ...headers, 'content-length': 3_000_000 } }
      const answer = await askAlone(origin + xrpc.upload, whole)
      expect([answer.status, answer.headers['upload-complete']]).toEqual([200, proxy === 'nginx' ? undefined : '?1'])
    }
    const begun = await askAlone(origin + xrpc.upload, {
      method: 'POST',
      body: Buffer.from('first'),
      headers: { ...asAlice, 'content-length': 5, 'upload-complete': '?0' },
    })
    const url = origin + String(begun.headers.location)
    const state = await askAlone(url, { method: 'HEAD', headers: asAlice })
    expect(state.headers['upload-offset']).toBe('5')
    const last = await askAlone(url, {
      method: 'PATCH',
      body: Buffer.from('last'),
      headers: {
        ...{ ...asAlice, 'content-type': 'application/partial-upload', 'content-length': 4 },
        ...{ 'upload-offset': '5', 'upload-complete': '?1' },
      },
    })
    expect(JSON.parse(last.body.toString())).toMatchObject({ blob: { size: 9 } })
  })
}
