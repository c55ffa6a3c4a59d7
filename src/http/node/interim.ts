import type { ServerResponse } from 'node:http'
import { http2Stream } from './refuse.ts'

/**
 * Sends an interim response. Node has a method for it only since version 26, and none that names a status which it does
 * not know.
 */
export function sendInterim(
  res: ServerResponse,
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>>,
): void {
  const stream = http2Stream(res)
  if (res.headersSent || res.destroyed) return
  if (stream) {
    stream.additionalHeaders({ ...headers, ':status': status })
    return
  }
  // A response that waits behind another on its connection has no socket yet; HTTP/1.0 has no interim responses.
  if (!res.socket || res.req.httpVersion !== '1.1') return
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  res.socket.write(`HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`)
}
