import type { ServerResponse } from 'node:http'
import type { BlobReading } from '../../store/calls.ts'
import type { Linger } from '../linger.ts'
import { isReading, type Reply } from '../reply.ts'
import { watchIdle } from './idle.ts'
import { http2Stream, refuse } from './refuse.ts'

interface Sending extends SendOptions {
  linger: Linger
}

/**
 * Sends a response, and closes its reading in any case. When it rejects and `res.headersSent` is still false, another
 * response can be sent.
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
  // The client has disconnected, or another middleware (a timeout) has already answered.
  if (options.signal.aborted || res.headersSent) return
  if (status >= 400 && isSending(res)) return await refuse(res, { status, headers, body }, options.linger)
  res.writeHead(status, headers)
  res.end(body)
}

/** Keeps the Vary header of the host's own middleware, such as CORS, because caches need it too. */
function withVary(res: ServerResponse, reply: Reply): Reply {
  const [own, hosts] = [reply.headers.vary, res.getHeader('vary')]
  if (own === undefined || hosts === undefined) return reply
  return { ...reply, headers: { ...reply.headers, vary: `${hosts}, ${own}` } }
}

/** Whether the client has a body and has not sent all of it. */
function isSending({ req }: ServerResponse): boolean {
  const stream = http2Stream(req)
  if (stream) return !req.complete && !stream.endAfterHeaders
  const length = req.headers['content-length'] ?? '0'
  return !req.complete && (req.headers['transfer-encoding'] !== undefined || Number(length) !== 0)
}

export interface SendOptions {
  /** How long the client may accept nothing, in milliseconds. */
  idleTimeout: number
  /** Aborts when the client disconnects. */
  signal: AbortSignal
}

/**
 * Sends bytes from the backend's chunks to the socket, one at a time. The next is requested when the kernel has taken
 * the one before: this is the back pressure, and lets the backend reuse one buffer. The caller closes the reading.
 */
async function sendReading(
  res: ServerResponse,
  { status, headers }: Reply,
  { chunks }: BlobReading,
  { signal, idleTimeout }: SendOptions,
): Promise<void> {
  const watch = watchIdle(res, idleTimeout)
  try {
    let left = Number(headers['content-length'])
    let chunk = await chunks.next() // before the headers: a file that cannot be read may still become a 500
    if (signal.aborted || res.headersSent) return
    res.writeHead(status, headers)
    while (!chunk.done && chunk.value.length <= left) {
      left -= chunk.value.length
      watch.begin()
      if (chunk.value.length > 0 && !(await write(res, chunk.value, left === 0, signal))) return
      watch.end()
      chunk = await chunks.next()
    }
    if (left > 0 || !chunk.done) throw new Error('The backend returned more or fewer bytes than the blob has')
    if (!res.writableEnded) res.end()
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    watch.stop()
  }
}

/**
 * Resolves when the kernel has the bytes, so that their buffer may be reused; with false if the client has
 * disconnected.
 */
function write(res: ServerResponse, chunk: Uint8Array, last: boolean, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const onGone = () => done(signal.reason)
    const done = (error?: Error | null) => {
      signal.removeEventListener('abort', onGone)
      resolve(!error)
    }
    signal.addEventListener('abort', onGone)
    if (signal.aborted) onGone()
    // The last chunk and the end together: a small blob goes out in one system call, headers included.
    else if (last) res.end(chunk, () => done())
    else res.write(chunk, done)
  })
}
