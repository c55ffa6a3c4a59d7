import { setTimeout as pause } from 'node:timers/promises'
import type { BlobStore } from '../blob-store.ts'
import type { BlobReading } from '../store/calls.ts'
import { answer, answerError, noSuchMethod } from './answer.ts'
import { type Linger, lingerOf } from './linger.ts'
import { type BlobHandlerOptions, checkOptions } from './options.ts'
import { isReading, type Reply } from './reply.ts'
import type { BlobRequest, Route } from './request.ts'
import { RequestBody } from './request-body.ts'
import { isServed, routeOf, routes } from './routes.ts'

/** Answers a request. Never rejects. */
export type BlobHandler = (request: Request) => Promise<Response>

/** The methods one by one, for a host that routes itself: they ignore the path. */
export interface BlobHandlers {
  uploadBlob: BlobHandler
  getBlob: BlobHandler
  listBlobs: BlobHandler
  listMissingBlobs: BlobHandler
  /** com.atproto.space.getBlob, which without `authorizeSpace` is answered by 404. */
  getSpaceBlob: BlobHandler
  /** com.atproto.space.listBlobs, likewise. */
  listSpaceBlobs: BlobHandler
}

/**
 * The blob methods of a PDS as one function from Request to Response: `/xrpc/com.atproto.repo.uploadBlob`,
 * `…sync.getBlob`, `…sync.listBlobs` and `…repo.listMissingBlobs`; with the option `authorizeSpace` also `…space.getBlob` and
 * `…space.listBlobs`. Any other path is answered by 404.
 *
 * The body of a refusal ends only when the client has sent its own, or after `times.idle`: otherwise the server would
 * close the connection, and a client that is still sending would not see the response. Disconnecting clients that stop
 * reading is up to the server; on Node, `pds-blobstore/express` does it.
 *
 * @throws `InvalidArgument` for an invalid option
 * @example
 * ```ts
 * import type { BlobStore } from 'pds-blobstore'
 * import { createBlobHandler } from 'pds-blobstore/http'
 *
 * export const handlerOf = (blobs: BlobStore, didOf: (token: string) => string | null) =>
 *   createBlobHandler(blobs, {
 *     authenticate: (request) => {
 *       const did = didOf(request.headers.get('authorization') ?? '')
 *       return did === null ? null : { did }
 *     },
 *   })
 * ```
 */
export function createBlobHandler(blobs: BlobStore, options: BlobHandlerOptions): BlobHandler {
  checkOptions('createBlobHandler', options, blobs)
  return async (request) => {
    const route = routeOf(URL.parse(request.url)?.pathname ?? '', options)
    return route ? await respond(route, blobs, options, request) : toResponse(noSuchMethod())
  }
}

/** @inheritDoc createBlobHandler */
export function createBlobHandlers(blobs: BlobStore, options: BlobHandlerOptions): BlobHandlers {
  checkOptions('createBlobHandlers', options, blobs)
  const handler =
    (route: Route): BlobHandler =>
    async (request) =>
      isServed(route, options) ? await respond(route, blobs, options, request) : toResponse(noSuchMethod())
  return {
    uploadBlob: handler(routes.uploadBlob),
    getBlob: handler(routes.getBlob),
    listBlobs: handler(routes.listBlobs),
    listMissingBlobs: handler(routes.listMissingBlobs),
    getSpaceBlob: handler(routes.getSpaceBlob),
    listSpaceBlobs: handler(routes.listSpaceBlobs),
  }
}

/** Answers with a method; its parameters are in the query unless they are given. */
export async function respond(
  route: Route,
  blobs: BlobStore,
  options: BlobHandlerOptions,
  request: Request,
  params?: URLSearchParams,
): Promise<Response> {
  const rest = new RequestBody(() => request.body)
  const call = { blobs, options, request: blobRequest(request, rest, options, params) }
  const finish = (reply: Reply): Response => {
    if (reply.status < 400 || rest.ended || !hasBody(request)) return toResponse(reply)
    // The rest of the body must not be taken for the next request. HTTP/2, which has no Host, has no such header.
    if (request.headers.has('host')) reply.headers.connection = 'close'
    return toResponse(
      reply,
      refusalBody(reply.body as Exclude<Reply['body'], BlobReading>, rest, lingerOf(blobs.times)),
    )
  }
  const reply = await answer(route, call)
  try {
    return finish(reply)
  } catch (error) {
    // A header of the host's is invalid.
    if (isReading(reply.body)) await reply.body.chunks.return?.().catch(() => {})
    return finish(await answerError(route, call, error))
  }
}

/**
 * Decided by the headers, because in some servers looking at the body begins to read it. Without any, there may be a
 * body.
 */
function hasBody({ method, headers }: Request): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return headers.has('transfer-encoding') || headers.get('content-length') !== '0'
}

export function toResponse({ status, headers, body }: Reply, instead?: ReadableStream<Uint8Array>): Response {
  const fields = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) fields.append(name, one)
  }
  const content = isReading(body) ? body.body : (body as Exclude<typeof body, Uint8Array> | Uint8Array<ArrayBuffer>)
  return new Response(instead ?? content, { status, headers: fields })
}

function blobRequest(
  request: Request,
  body: RequestBody,
  options: BlobHandlerOptions,
  params?: URLSearchParams,
): BlobRequest {
  return {
    method: request.method,
    path: URL.parse(request.url)?.pathname ?? '/',
    query: params ?? URL.parse(request.url)?.searchParams ?? new URLSearchParams(),
    signal: request.signal,
    header: (name) => request.headers.get(name),
    body,
    authenticate: () => options.authenticate(request),
    authorizeSpace: (asked) => (options.authorizeSpace ? options.authorizeSpace(request, asked) : false),
  }
}

/**
 * The body of a response to a client that may still be sending: see {@link Linger}. The client has all of it at once,
 * by its Content-Length; but it ends only when the client has ended, because then the server, or a proxy, closes the
 * connection.
 */
function refusalBody(text: string | Uint8Array | null, rest: RequestBody, linger: Linger): ReadableStream<Uint8Array> {
  const over = new AbortController()
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (text?.length) controller.enqueue(Buffer.from(text))
      },
      async pull(controller) {
        // The headers are sent first: a client that asks before it sends must not be told to continue.
        await pause(10)
        await rest.discard(linger, over.signal)
        if (!over.signal.aborted) controller.close()
        rest.cancel()
      },
      cancel: () => over.abort(),
    },
    { highWaterMark: 0 },
  )
}
