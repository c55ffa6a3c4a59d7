import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { requestBody } from '../../src/http/node/request.ts'
import { dial, listen, type Wire } from './servers.ts'

/** A request whose body the test sends piece by piece. */
async function receive(): Promise<{ wire: Wire; req: IncomingMessage; res: ServerResponse }> {
  const server = createServer()
  const { port } = await listen(server)
  const wire = await dial(port)
  wire.socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n')
  const [req, res] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  return { wire, req, res }
}

const text = (result: IteratorResult<Uint8Array>) => Buffer.from(result.value ?? '').toString()

test('a request body returns the chunks as they arrive, to the end', async () => {
  const { wire, req } = await receive()
  const body = requestBody(req)
  const first = body.next()
  wire.socket.write('12345')
  expect(text(await first)).toBe('12345')
  wire.socket.write('67890')
  expect(text(await body.next())).toBe('67890')
  expect((await body.next()).done).toBe(true)
  expect((await body.next()).done).toBe(true)
})

test('a request body ends with an error when the connection breaks', async () => {
  const { wire, req } = await receive()
  const body = requestBody(req)
  wire.socket.write('12345')
  await body.next()
  const next = body.next()
  wire.socket.resetAndDestroy()
  await expect(next).rejects.toThrow()
})

test('a request body that is left while a chunk is awaited ends at once, and the connection can still be answered', async () => {
  const { wire, req, res } = await receive()
  const body = requestBody(req)
  const next = body.next()
  await body.return?.()
  expect((await next).done).toBe(true)
  expect(req.destroyed).toBe(false)
  expect(req.listenerCount('readable')).toBe(0)
  res.end('answer')
  await once(wire.socket, 'data')
  expect(wire.received()).toContain('answer')
})
