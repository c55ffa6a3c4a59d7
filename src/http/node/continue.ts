import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'

/**
 * Listener for a server's event `checkContinue`: a client that asks before it sends its body (`Expect: 100-continue`, as
 * curl does from 1 MiB) is told to go on when the body is read, and not before. So one that is refused by its headers
 * gets that answer at once, and sends nothing. Without it, Node says yes to every one of them.
 *
 * It holds for the whole server, whatever middleware reads the body, with `http`, `https` and `http2`.
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
  // By what a stream does whenever its reader wants more than has arrived, however it is read.
  request._read = function (size) {
    request._read = read
    if (!res.headersSent) res.writeContinue()
    read.call(this, size)
  }
  this.emit('request', req, res)
}
