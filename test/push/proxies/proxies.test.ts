import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import http, { createServer, type RequestListener } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { describe, expect, onTestFinished, test } from 'vitest'
import { blobRouter, checkContinue } from '../../../src/express.ts'
import { createBlobHandler } from '../../../src/http.ts'
import type { BlobStore, BlobStoreTimes } from '../../../src/index.ts'
import { alice, asAlice, bytesOf, openPlace, type Place, query, tokens, xrpc } from '../../http/place.ts'
import { until } from '../../http/servers.ts'
import { freePort } from '../../servers/free-port.ts'
import { type Answer, type Asking, ask, askAlone } from './client.ts'
import { isInstalled, type ProxyName, startProxy } from './proxy.ts'

// Behind real proxies, with the files in docs/proxies.md.

const adapters: Record<string, (blobs: BlobStore) => RequestListener> = {
  blobRouter: (blobs) => blobRouter(blobs, tokens),
  createBlobHandler: (blobs) => {
    const listener = getRequestListener(createBlobHandler(blobs, tokens))
    return (req, res) => void listener(req, res)
  },
}

async function listen(app: RequestListener): Promise<number> {
  const server = createServer({ keepAliveTimeout: 125_000 }, (req, res) => {
    if (req.url === '/xrpc/_health') res.end()
    else app(req, res)
  })
  server.on('checkContinue', checkContinue).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

interface Behind extends Place {
  origin: string
}

async function behind(proxy: ProxyName, adapter: string, times: BlobStoreTimes = {}): Promise<Behind> {
  const place = await openPlace({ limits: { maxBlobSize: 50_000_000 }, times })
  const app = adapters[adapter]?.(place.blobs) as RequestListener
  const { origin } = await startProxy(proxy, [await listen(app)])
  return { ...place, origin }
}

/** All of these, so many at once. */
async function crowd<T>(count: number, atOnce: number, one: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async () => {
    while (next < count) results.push(await one(next++))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

const shown = ({ status, body }: Answer) => `${status} ${JSON.parse(body.toString()).error}`
const count = (what: string[]) =>
  Object.fromEntries([...new Set(what)].map((one) => [one, what.filter((o) => o === one).length]))

for (const proxy of ['caddy', 'nginx', 'haproxy'] as const) {
  describe.skipIf(!isInstalled(proxy))(`behind ${proxy}`, () => {
    for (const adapter of Object.keys(adapters)) {
      // Fails when a refusal stops reading at some size, or ends its body before the client's: 502, resets, cut bodies.
      test(`no early refusal of ${adapter} is lost`, async () => {
        const { origin, blobs } = await behind(proxy, adapter)
        const url = origin + xrpc.upload
        const body = Buffer.alloc(60_000_000)
        const kinds: [string, Asking][] = [
          ['401 AuthMissing', {}],
          ['401 AuthenticationRequired', { headers: { authorization: 'Bearer wrong' } }],
          ['413 PayloadTooLarge', { headers: asAlice }],
          ['415 UnsupportedMediaType', { headers: { ...asAlice, 'content-encoding': 'gzip' } }],
        ]
        const answers = await crowd(80, 8, async (n) => {
          const [, { headers = {} }] = kinds[n % kinds.length] as [string, Asking]
          const size = n % kinds.length < 2 ? body.length : 45_000_000 + (n % kinds.length === 2 ? 15_000_000 : 0)
          const length = n % 8 < 4 ? { 'content-length': size } : {}
          const asked = askAlone(url, {
            method: 'POST',
            headers: { ...headers, ...length },
            body: Readable.from(pieces(body.subarray(0, size))),
          })
          return await asked.then(shown, String)
        })
        expect(count(answers)).toEqual(Object.fromEntries(kinds.map(([name]) => [name, 20])))
        expect(await blobs.usage(alice)).toMatchObject({ bytes: 0, count: 0, reserved: 0 })
      })

      test(`uploads and downloads of ${adapter} go through whole, also in ranges`, async () => {
        const { origin, blobs } = await behind(proxy, adapter)
        const bytes = bytesOf(20_000_000)
        const headers = { ...asAlice, 'content-type': 'video/mp4' }
        for (const more of [{ 'content-length': bytes.length }, {}, { expect: '100-continue' }]) {
          const up = await ask(origin + xrpc.upload, {
            method: 'POST',
            headers: { ...headers, ...more },
            body: Readable.from(pieces(bytes)),
          })
          expect(up.status).toBe(200)
        }
        const { items } = await blobs.listAll(alice)
        const ref = await blobs.upload(alice, bytes, { mimeType: 'video/mp4' })
        expect(items).toHaveLength(1)
        const uri = `at://${alice}/app.example.post/1`
        await blobs.applyWrites(alice, [{ action: 'create', uri, record: { ref } }], { rev: '3jzfcijpj2z2a' })
        const cid = ref.ref.toString()
        const url = origin + query(xrpc.get, { did: alice, cid })
        const whole = await ask(url)
        expect([whole.status, whole.body.equals(bytes)]).toEqual([200, true])
        expect(whole.headers).toMatchObject({
          etag: `"${cid}"`,
          'x-content-type-options': 'nosniff',
          'accept-ranges': 'bytes',
        })
        const part = await ask(url, { headers: { range: 'bytes=19000000-' } })
        expect([part.status, part.headers['content-range'], part.body.equals(bytes.subarray(19_000_000))]).toEqual([
          206,
          'bytes 19000000-19999999/20000000',
          true,
        ])
        expect((await ask(url, { headers: { range: 'bytes=20000000-' } })).status).toBe(416)
        expect((await ask(url, { headers: { 'if-none-match': `"${cid}"` } })).status).toBe(304)
        const head = await ask(url, { method: 'HEAD' })
        expect([head.status, head.headers['content-length']]).toEqual([200, '20000000'])
      })

      // Fails when the proxy's own limit for silent bodies equals ours: it answers instead of the PDS.
      test(`a silent upload to ${adapter} gets our 408, a slow one is stored, and aborted ones leave nothing`, async () => {
        const { origin, blobs, files } = await behind(proxy, adapter, { idle: 2000 })
        const url = origin + xrpc.upload
        const post = (body: Readable, length: number) =>
          ask(url, { method: 'POST', headers: { ...asAlice, 'content-length': length }, body })
        const silent = await post(Readable.from(silence(bytesOf(100_000), 4000)), 1_000_000)
        expect(shown(silent)).toBe('408 UploadTimeout')
        const slow = await post(Readable.from(slowly(bytesOf(400_000), 10, 300)), 400_000)
        expect(slow.status).toBe(200)
        for (const size of [1000, 3_000_000]) {
          const aborted = post(Readable.from(breaking(bytesOf(size))), 10_000_000)
          await expect(aborted).rejects.toThrow()
        }
        await until(async () => (await blobs.usage(alice)).reserved === 0, 'nothing is reserved', 20_000)
        await until(
          async () => !(await files()).some((name) => !name.startsWith('bafkrei')),
          'no spool is left',
          20_000,
        )
        expect(await blobs.usage(alice)).toMatchObject({ count: 1, bytes: 400_000 })
      })
    }

    // Fails when a health check waits for less than the process may be busy.
    test('a process that is busy for two seconds stays in use', async () => {
      const { origin } = await behind(proxy, 'blobRouter')
      const url = origin + query(xrpc.list, { did: alice })
      expect((await ask(url)).status).toBe(200)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000)
      expect((await ask(url)).status).toBe(200)
    })

    // Fails when SIGTERM cuts running requests, or proxies are not notified before the process stops listening
    // (`notice: 0`).
    test('no request is lost while two processes restart one after the other', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'pds-blobstore-rolling-'))
      const ports = [await freePort(), await freePort()]
      const children = await Promise.all(ports.map((port) => start(dir, port)))
      onTestFinished(async () => {
        await Promise.all(children.map(end))
        await rm(dir, { recursive: true })
      })
      const running = await startProxy(proxy, ports)
      const traffic = startTraffic(running.origin)
      for (const [i, port] of ports.entries()) {
        await running.use(ports.filter((other) => other !== port))
        const child = children[i] as ChildProcess
        child.kill('SIGTERM')
        const [code] = await once(child, 'exit')
        expect(code).toBe(0)
        children[i] = await start(dir, port)
        await running.use(ports)
        await new Promise((resolve) => setTimeout(resolve, 3000)) // the health check sees that it is back
      }
      const { failures, uploads, lists, slow } = await traffic.stop()
      expect(count(failures)).toEqual({})
      expect([uploads > 10, lists > 10, slow > 1]).toEqual([true, true, true])
    })
  })
}

async function start(dir: string, port: number): Promise<ChildProcess> {
  const child = fork(new URL('node.ts', import.meta.url), [dir, String(port)])
  await once(child, 'message')
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Users who upload, quickly and slowly, and read, until the test ends them. */
function startTraffic(origin: string) {
  const { Agent } = origin.startsWith('https:') ? https : http
  const agent = new Agent({ keepAlive: false, rejectUnauthorized: false } as object)
  const done = { failures: [] as string[], uploads: 0, lists: 0, slow: 0 }
  let going = true
  const loop = async (kind: 'uploads' | 'lists' | 'slow', one: () => Promise<Answer>) => {
    while (going) {
      const answer = await one().then(
        ({ status, body }) => (status === 200 ? '' : `${kind}: ${status} ${body}`),
        (error) => `${kind}: ${error}`,
      )
      if (answer === '') done[kind]++
      else done.failures.push(answer)
    }
  }
  const upload = (body: Uint8Array | Readable) =>
    ask(origin + xrpc.upload, { method: 'POST', headers: asAlice, body, agent })
  const loops = [
    loop('uploads', () => upload(bytesOf(50_000))),
    loop('uploads', () => upload(bytesOf(2_000_000))),
    loop('lists', () => ask(origin + query(xrpc.list, { did: alice }), { agent })),
    loop('lists', () => ask(origin + query(xrpc.list, { did: alice }), { agent })),
    // Longer than proxies have to notice.
    loop('slow', () => upload(Readable.from(slowly(bytesOf(200_000), 10, 600)))),
  ]
  return {
    async stop() {
      going = false
      await Promise.all(loops)
      agent.destroy()
      return done
    },
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

async function* slowly(bytes: Uint8Array, parts: number, pause: number): AsyncGenerator<Uint8Array> {
  const size = Math.ceil(bytes.length / parts)
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size)
    await new Promise((resolve) => setTimeout(resolve, pause))
  }
}

/** Sends one more byte after a while, because Caddy sends no response before: see docs/proxies.md. */
async function* silence(bytes: Uint8Array, pause: number): AsyncGenerator<Uint8Array> {
  yield bytes
  await new Promise((resolve) => setTimeout(resolve, pause))
  yield bytes.subarray(0, 1)
  await new Promise(() => {})
}

async function* breaking(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* pieces(bytes)
  await new Promise((resolve) => setTimeout(resolve, 300))
  throw new Error('The client leaves')
}
