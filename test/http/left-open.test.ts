import { createServer } from 'node:http'
import { describe, expect, test } from 'vitest'
import { blobRouter } from '../../src/express.ts'
import { respond } from '../../src/http/web.ts'
import { OpenBodies } from '../support/open-bodies.ts'
import { alice, openPlace, query, xrpc } from './place.ts'
import { listen, until } from './servers.ts'

// What was opened before something else failed must be closed. Each test fails when it is not.

/** A store with one blob, of 500 kB, that records which of its bodies are open. */
async function opened() {
  let bodies: OpenBodies | undefined
  const { blobs, publish } = await openPlace({
    times: { idle: 3_600_000 }, // otherwise the rest would be closed by the timeout
    wrap(backend) {
      bodies = new OpenBodies(backend)
      return bodies.backend
    },
  })
  return { blobs, bodies: bodies as OpenBodies, cid: await publish(alice, new Uint8Array(500_000)) }
}

describe('a response that cannot be sent', () => {
  test.each([
    ['a header of the host’s cannot be read', (res: object) => failOnce(res, 'getHeader')],
    ['the headers cannot be written', (res: object) => failOnce(res, 'writeHead')],
    ['its request has no socket', (res: object) => Object.defineProperty((res as { req: object }).req, 'socket', none)],
  ])('closes its blob where %s', async (_name, breakIt) => {
    const { blobs, bodies, cid } = await opened()
    const router = blobRouter(blobs, { authenticate: () => null })
    const server = createServer((req, res) => {
      breakIt(res)
      router(req, res)
    })
    const { origin } = await listen(server)
    expect((await fetch(origin + query(xrpc.get, { did: alice, cid }))).status).toBe(500)
    expect(bodies.given).toBe(1)
    await until(() => bodies.count === 0, 'the blob is closed')
  })

  const none = { value: undefined, configurable: true }

  function failOnce(of: object, method: string): void {
    const inner = Reflect.get(of, method)
    Reflect.set(of, method, () => {
      Reflect.set(of, method, inner)
      throw new Error('broken by the host')
    })
  }

  test('closes its blob where a Response cannot have its headers', async () => {
    const { blobs, bodies, cid } = await opened()
    const handle = async () => ({ status: 200, headers: { 'x-host': 'a\nb' }, body: await blobs.read(alice, cid) })
    const route = { nsid: 'test', methods: ['GET'], public: true, handle }
    const request = new Request('http://localhost/')
    expect((await respond(route, blobs, { authenticate: () => null }, request)).status).toBe(500)
    expect([bodies.given, bodies.count]).toEqual([1, 0])
  })
})
