import type { ServerResponse } from 'node:http'
import type { Linger } from '../http/linger.ts'
import { isReading, type Reply } from '../http/reply.ts'
import { http2Stream } from './http2.ts'
import { refuse } from './refuse.ts'
import { type SendOptions, sendReading } from './send-reading.ts'

interface Sending extends SendOptions {
  linger: Linger
}

/**
 * Sends an answer, and closes its reading, wherever that ends. When it rejects and `res.headersSent` is still false, another
 * answer can be sent.
 */
export async function send(res: ServerResponse, answer: Reply, options: Sending): Promise<void> {
  try {
    await sendReply(res, answer, options)
  } finally {
    if (isReading(answer.body)) await answer.body.chunks.return?.()
  }
}

async function sendReply(res: ServerResponse, answer: Reply, options: Sending): Promise<void> {
  const reply = withVary(res, answer)
  const { status, headers, body } = reply
  if (isReading(body)) return await sendReading(res, reply, body, options)
  // The client has left, or another middleware (a timeout) has answered already.
  if (options.signal.aborted || res.headersSent) return
  if (status >= 400 && isSending(res)) return await refuse(res, { status, headers, body }, options.linger)
  res.writeHead(status, headers)
  res.end(body)
}

/** What the host's own middleware varies by, such as CORS, caches must heed too. */
function withVary(res: ServerResponse, reply: Reply): Reply {
  const [own, hosts] = [reply.headers.vary, res.getHeader('vary')]
  if (own === undefined || hosts === undefined) return reply
  return { ...reply, headers: { ...reply.headers, vary: `${hosts}, ${own}` } }
}

/** Whether the client has a body, and has not sent all of it. */
function isSending({ req }: ServerResponse): boolean {
  const stream = http2Stream(req)
  if (stream) return !req.complete && !stream.endAfterHeaders
  const length = req.headers['content-length'] ?? '0'
  return !req.complete && (req.headers['transfer-encoding'] !== undefined || Number(length) !== 0)
}
