import { createServer } from 'node:http'
import express5 from 'express'
import express4 from 'express4'
import { expect, test } from 'vitest'
import { blobRouter, checkContinue } from '../../src/express.ts'
import { alice, openPlace, tokens, xrpc } from './place.ts'
import { dial, listen, until, type Wire } from './servers.ts'

const asks = (more: string[]) =>
  `${[...more, 'Host: x', 'Content-Type: text/plain', 'Expect: 100-continue', 'Connection: close'].join('\r\n')}\r\n\r\n`
const post = `POST ${xrpc.upload} HTTP/1.1`
const known = `Authorization: Bearer ${alice}`

const apps = { 'Express 5': express5, 'Express 4': express4 }

/** A server with the blob routes, and others behind a body parser. */
async function start(express: typeof express5): Promise<number> {
  const { blobs } = await openPlace({ limits: { maxBlobSize: 1000 } })
  const app = express().use(blobRouter(blobs, tokens), express5.json())
  app.post('/other', (req, res) => void res.json(req.body))
  app.post('/unread', (_req, res) => void res.json('unread'))
  const { port } = await listen(createServer(app).on('checkContinue', checkContinue))
  return port
}

async function ask(port: number, lines: string[]): Promise<Wire> {
  const wire = await dial(port)
  wire.socket.write(asks(lines))
  await until(() => wire.received() !== '', 'an answer')
  return wire
}

// Fails when the listener calls `res.writeContinue()` at once, as Node does by default.
test('a client that asks before it sends its body is refused at once where the headers decide it', async () => {
  for (const express of Object.values(apps)) {
    const port = await start(express)
    for (const [lines, expected] of [
      [[post, known, 'Content-Length: 1001'], 413],
      [[post, 'Content-Length: 5'], 401],
      [[post, known, 'Content-Length: 5', 'Content-Encoding: gzip'], 415],
    ] as const) {
      const wire = await ask(port, [...lines])
      await until(() => wire.received().endsWith('}'), 'the whole answer')
      expect(wire.received()).toMatch(new RegExp(`^HTTP/1.1 ${expected} `))
      wire.socket.end()
      expect(await wire.closed).not.toContain('100 Continue')
    }
  }
})

test('a client that is not refused gets one 100 Continue, also on other routes and with their parsers', async () => {
  for (const express of Object.values(apps)) {
    const port = await start(express)
    for (const line of [post, 'POST /other HTTP/1.1']) {
      const json = line === post ? '' : '\r\nContent-Type: application/json'
      const wire = await dial(port)
      const lines = [line, `${known}${json}`, 'Host: x', 'Expect: 100-continue', 'Connection: close']
      wire.socket.write(`${lines.join('\r\n')}\r\nContent-Length: 900\r\n\r\n`)
      await until(() => wire.received() !== '', 'to be told')
      expect(wire.received()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      wire.socket.write(JSON.stringify({ a: 'a'.repeat(892) }))
      const answer = await wire.closed
      expect(answer).toContain('HTTP/1.1 200 ')
      expect(answer.match(/100 Continue/g)).toHaveLength(1)
    }
    const unread = await ask(port, ['POST /unread HTTP/1.1', 'Content-Length: 900'])
    expect(unread.received()).toMatch(/^HTTP\/1.1 200 /)
  }
})
