import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/**
 * Listener for a server's event `checkContinue`. A client that asks before it sends its body (`Expect: 100-continue`,
 * as curl does from 1 MiB) gets its `100 Continue` only when the body is read. So a client that is refused by its
 * headers gets that response at once, and sends nothing. Without this listener, Node sends the 100 to every client.
 *
 * It works for the whole server, whatever middleware reads the body, with `http`, `https` and `http2`.
 *
 * @example
 * ```ts
 * import { createServer, type RequestListener } from 'node:http'
 * import { checkContinue } from 'pds-blobstore/express'
 *
 * export const serverOf = (app: RequestListener) => createServer(app).on('checkContinue', checkContinue)
 * ```
 */
export function checkContinue(
  this: Pick<Server, 'emit'>,
  req: IncomingMessage | Http2ServerRequest,
  res: ServerResponse | Http2ServerResponse,
): void {
  const request = req as IncomingMessage
  const read = request._read
  // A stream calls `_read` whenever its reader wants more than has arrived, however it is read.
  request._read = function (size) {
    request._read = read
    if (!res.headersSent) res.writeContinue()
    read.call(this, size)
  }
  this.emit('request', req, res)
}
