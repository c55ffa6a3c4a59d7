import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { BlobStore } from '../../blob-store.ts'
import { answer, answerError, noSuchMethod, report } from '../answer.ts'
import { XrpcError } from '../errors.ts'
import { lingerOf } from '../linger.ts'
import { type BlobServingOptions, checkOptions } from '../options.ts'
import type { Call, Route } from '../request.ts'
import { routeOf, routes } from '../routes.ts'
import { type BlobRouterOptions, blobRequest, type NodeRequest, splitUrl } from './request.ts'
import { send } from './send.ts'

/** Middleware for Express 5, Express 4 and Connect or, without `next`, a listener of `node:http` and `node:http2`. */
export type BlobRouter = (
  req: IncomingMessage | Http2ServerRequest,
  res: ServerResponse | Http2ServerResponse,
  next?: (error?: unknown) => void,
) => void

/**
 * The blob methods of a PDS as middleware. Mount it before every body parser, because the upload is read from the
 * connection; at the root or at `/xrpc`. It answers its own paths, errors included, and passes other paths to `next`.
 * Downloads go from the file to the socket without web streams, with the client's back pressure.
 *
 * @throws `InvalidArgument` for an invalid option
 * @example
 * ```ts
 * import express from 'express'
 * import type { BlobStore } from 'pds-blobstore'
 * import { blobRouter } from 'pds-blobstore/express'
 *
 * export const serverOf = (blobs: BlobStore, didOf: (token: string) => string | null) =>
 *   express().use(
 *     blobRouter(blobs, {
 *       authenticate: (request) => {
 *         const did = didOf(request.headers.get('authorization') ?? '')
 *         return did === null ? null : { did }
 *       },
 *     }),
 *   )
 * ```
 */
export function blobRouter(blobs: BlobStore, options: BlobRouterOptions): BlobRouter {
  checkOptions('blobRouter', options, blobs)
  const warnOfTimeout = requestTimeoutWarning(blobs, options)

  return (request, response, next) => {
    // Those of HTTP/2 have everything that is used here; `http2Stream` tells them apart where they differ.
    const [req, res] = [request as IncomingMessage, response as ServerResponse]
    const route = routeOfRequest(req, options)
    if (route) {
      if (route === routes.uploadBlob) warnOfTimeout(req)
      void serve(route, blobs, options, req, res)
    } else {
      passOn(res, next)
    }
  }
}

/** Passes other paths to the next handler; without one, answers 404. */
export function passOn(res: ServerResponse, next?: () => void): void {
  if (next) {
    next()
    return
  }
  const { status, headers, body } = noSuchMethod()
  res.writeHead(status, headers).end(body)
}

/** By the path below the mount point, or by the whole one when the router is mounted at `/xrpc` itself. */
function routeOfRequest(req: NodeRequest, options: BlobRouterOptions): Route | undefined {
  return routeOf(splitUrl(req.url ?? '').path, options) ?? routeOf(splitUrl(req.originalUrl ?? '').path, options)
}

/**
 * Answers with a method; its parameters are in the query unless they are given. Never rejects: nobody would handle it,
 * and on Express 4 the process would end.
 */
export async function serve(
  route: Route,
  blobs: BlobStore,
  options: BlobRouterOptions,
  req: NodeRequest,
  res: ServerResponse,
  params?: URLSearchParams,
): Promise<void> {
  const request = blobRequest(req, res, options, params)
  const { signal } = request
  const call: Call = { blobs, options, request }
  const sending = { signal, idleTimeout: blobs.times.idle, linger: lingerOf(blobs.times) }
  try {
    const taken = route === routes.uploadBlob && isBodyTaken(req)
    const reply = taken ? await answerError(route, call, bodyTaken()) : await answer(route, call)
    await send(res, reply, sending)
  } catch (error) {
    if (signal.aborted) return
    if (!res.headersSent) {
      // The bytes could not be opened after all, or a header of the host's is invalid.
      await send(res, await answerError(route, call, error), sending).catch(() => res.destroy())
      return
    }
    report(options, error, route.nsid)
    res.destroy() // too late for another response: a broken connection shows the client that this one is incomplete
  }
}

/** Whether a body parser, or other middleware before this one, has begun to read the body. */
function isBodyTaken(req: IncomingMessage): boolean {
  return req.readableDidRead || req.readableEnded
}

function bodyTaken(): XrpcError {
  return new XrpcError(
    500,
    'InternalServerError',
    'The body was read before the blob router could store it: mount blobRouter before express.json and other parsers',
  )
}

/** Warns once if the server would end an upload before the store does (Node's default is 5 minutes). */
function requestTimeoutWarning(blobs: BlobStore, options: BlobServingOptions): (req: IncomingMessage) => void {
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
