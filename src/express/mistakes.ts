import type { IncomingMessage } from 'node:http'
import type { BlobStore } from '../blob-store.ts'
import type { BlobServingOptions } from '../http/options.ts'
import { XrpcError } from '../http/xrpc-error.ts'

/** Whether a body parser, or whatever came before, has begun to read what should be stored. */
export function isBodyTaken(req: IncomingMessage): boolean {
  return req.readableDidRead || req.readableEnded
}

export function bodyTaken(): XrpcError {
  return new XrpcError(
    500,
    'InternalServerError',
    'The body was read before the blob router could store it: mount blobRouter before express.json and other parsers',
  )
}

/** Warns once when the server (Node's default is 5 minutes) would end an upload before the store does. */
export function requestTimeoutWarning(blobs: BlobStore, options: BlobServingOptions): (req: IncomingMessage) => void {
  let looked = options.logger === undefined
  return (req) => {
    if (looked) return
    looked = true
    const requestTimeout = (req.socket as { server?: { requestTimeout?: number } }).server?.requestTimeout ?? 0
    const upload = blobs.times.upload
    if (requestTimeout === 0 || requestTimeout >= upload) return
    options.logger?.warn(
      { requestTimeout, upload },
      "The server's requestTimeout (ms) is shorter than times.upload: it would cut long uploads. Set it to more, or to 0",
    )
  }
}
