import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { BlobStore } from '../blob-store.ts'
import { answer, answerError, noSuchMethod } from '../http/answer.ts'
import { lingerOf } from '../http/linger.ts'
import { checkOptions } from '../http/options.ts'
import { report } from '../http/report.ts'
import { type Call, type Route, routeOf, routes } from '../http/routes.ts'
import { bodyTaken, isBodyTaken, requestTimeoutWarning } from './mistakes.ts'
import { blobRequest, type NodeRequest, splitUrl } from './node-request.ts'
import type { BlobRouterOptions } from './options.ts'
import { send } from './send.ts'

/** Middleware of Express 5, Express 4, Connect, or without `next` a listener of `node:http` and `node:http2`. */
export type BlobRouter = (
  req: IncomingMessage | Http2ServerRequest,
  res: ServerResponse | Http2ServerResponse,
  next?: (error?: unknown) => void,
) => void

/**
 * The blob methods of a PDS as middleware. Mount it before every body parser, for the upload is read from the
 * connection, at the root or at `/xrpc`. What is not one of its paths goes on to `next`; what is, it answers itself,
 * errors too. Downloads go from the file to the socket past web streams, with the client's back pressure.
 *
 * @throws `InvalidArgument` for an option that cannot be meant
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
    // Those of HTTP/2 have what is used of these; where they differ, `http2Stream` tells them.
    const [req, res] = [request as IncomingMessage, response as ServerResponse]
    const route = routeOfRequest(req)
    if (route) {
      if (route === routes.uploadBlob) warnOfTimeout(req)
      void serve(route, blobs, options, req, res)
    } else {
      passOn(res, next)
    }
  }
}

/** What is not ours: the next handler's, and without one nobody's. */
export function passOn(res: ServerResponse, next?: () => void): void {
  if (next) {
    next()
    return
  }
  const { status, headers, body } = noSuchMethod()
  res.writeHead(status, headers).end(body)
}

/** By the path below the mount point, or by the whole one when the router is mounted at `/xrpc` itself. */
function routeOfRequest(req: NodeRequest): Route | undefined {
  return routeOf(splitUrl(req.url ?? '').path) ?? routeOf(splitUrl(req.originalUrl ?? '').path)
}

/**
 * Answers by a method; its parameters are in the query unless they are given. Never rejects: nobody would hear it, and on
 * Express 4 the process would end.
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
      // The bytes could not be opened after all, or a header of the host's cannot be written.
      await send(res, await answerError(route, call, error), sending).catch(() => res.destroy())
      return
    }
    report(options, error, route.nsid)
    res.destroy() // too late for another answer: a broken connection tells the client that this one is not whole
  }
}
