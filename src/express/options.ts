import type { IncomingMessage } from 'node:http'
import type { Authenticated, BlobServingOptions } from '../http/options.ts'

export interface BlobRouterOptions extends BlobServingOptions {
  /**
   * As for `createBlobHandler`. `request` has the method, the whole address and the headers, but no body; `req` is the
   * one of Express, with what the host's middleware put there (`req.auth`).
   */
  authenticate: (request: Request, req: IncomingMessage) => Authenticated | Promise<Authenticated>
}
