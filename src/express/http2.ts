import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'

/** The stream of HTTP/2 that a request came by, whose request and response are like those of HTTP/1 (`node:http2` compat). */
export function http2Stream(message: IncomingMessage | ServerResponse): ServerHttp2Stream | undefined {
  const { stream } = message as { stream?: ServerHttp2Stream }
  return stream
}
