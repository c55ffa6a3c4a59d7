import type { IncomingMessage, ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Linger } from '../linger.ts'
import type { Reply } from '../reply.ts'

/**
 * Answers a client that is still sending so that it sees the response, even one that writes its whole body before it
 * reads: see {@link Linger}. The response is sent whole at once; the connection is closed when the client has ended.
 */
export async function refuse(
  res: ServerResponse,
  { status, headers, body }: { status: number; headers: Reply['headers']; body: string | Uint8Array | null },
  linger: Linger,
): Promise<void> {
  const stream = http2Stream(res)
  if (stream) {
    // One stream of many: the response ends it on this side, and the client, at the latest by the reset, on the other.
    res.writeHead(status, headers).end(body)
    await discard(res, linger)
    if (!stream.destroyed) stream.close(constants.NGHTTP2_NO_ERROR)
    return
  }
  res.writeHead(status, { ...headers, connection: 'close' })
  // With Content-Length the client has all of it; `end` would close the connection.
  if (body?.length) res.write(body)
  else res.flushHeaders()
  await discard(res, linger)
  res.end()
}

/** Reads on, until the client ends or disconnects, or the time is over. */
function discard({ req }: ServerResponse, { total, silence }: Linger): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(deadline)
      clearTimeout(silent)
      req.off('data', onData).off('end', finish).off('close', finish)
      resolve()
    }
    const deadline = setTimeout(finish, total)
    const silent = setTimeout(finish, silence)
    const onData = () => void silent.refresh()
    req.on('error', () => {}) // a client that disconnects is not our error
    req.on('end', finish).on('close', finish).on('data', onData)
  })
}

/** The HTTP/2 stream of a request, whose request and response look like those of HTTP/1 (`node:http2` compat). */
export function http2Stream(message: IncomingMessage | ServerResponse): ServerHttp2Stream | undefined {
  const { stream } = message as { stream?: ServerHttp2Stream }
  return stream
}
