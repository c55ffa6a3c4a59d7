import type { BlobStore } from '../blob-store.ts'
import type { BlobSource } from '../store/source.ts'
import { answer, answerError, noSuchMethod } from './answer.ts'
import { type BlobHandlerOptions, checkOptions } from './options.ts'
import { isReading, type Reply } from './reply.ts'
import type { BlobRequest } from './request.ts'
import { type Route, routeOf, routes } from './routes.ts'

/** Answers a request. Never rejects. */
export type BlobHandler = (request: Request) => Promise<Response>

/** Each method by itself, for a host that routes: they do not look at the path. */
export interface BlobHandlers {
  uploadBlob: BlobHandler
  getBlob: BlobHandler
  listBlobs: BlobHandler
  listMissingBlobs: BlobHandler
}

/**
 * The blob methods of a PDS as one function from Request to Response: `/xrpc/com.atproto.repo.uploadBlob`,
 * `…sync.getBlob`, `…sync.listBlobs` and `…repo.listMissingBlobs`. Any other path is answered by 404.
 *
 * It cannot reach below the Request: that a client which is still sending sees an early refusal, and that one which
 * stops reading is cut, is the server's part. On Node, `pds-blobstore/express` does both.
 *
 * @throws `InvalidArgument` for an option that cannot be meant
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
    const route = routeOf(URL.parse(request.url)?.pathname ?? '')
    return route ? await respond(route, blobs, options, request) : toResponse(noSuchMethod())
  }
}

/** @inheritDoc createBlobHandler */
export function createBlobHandlers(blobs: BlobStore, options: BlobHandlerOptions): BlobHandlers {
  checkOptions('createBlobHandlers', options, blobs)
  const handler =
    (route: Route): BlobHandler =>
    (request) =>
      respond(route, blobs, options, request)
  return {
    uploadBlob: handler(routes.uploadBlob),
    getBlob: handler(routes.getBlob),
    listBlobs: handler(routes.listBlobs),
    listMissingBlobs: handler(routes.listMissingBlobs),
  }
}

/** Answers by a method; its parameters are in the query unless they are given. */
export async function respond(
  route: Route,
  blobs: BlobStore,
  options: BlobHandlerOptions,
  request: Request,
  params?: URLSearchParams,
): Promise<Response> {
  const call = { blobs, options, request: blobRequest(request, options, params) }
  const reply = await answer(route, call)
  if (reply.status >= 400 && request.body) {
    reply.headers.connection = 'close' // what is left of the body must not be taken for the next request
    void drain(request.body)
  }
  try {
    return toResponse(reply)
  } catch (error) {
    return toResponse(await answerError(route, call, error)) // a header of the host's that cannot be written
  }
}

export function toResponse({ status, headers, body }: Reply): Response {
  const fields = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    for (const one of Array.isArray(value) ? value : [value]) fields.append(name, one)
  }
  return new Response(
    isReading(body) ? body.body : (body as Exclude<typeof body, Uint8Array> | Uint8Array<ArrayBuffer>),
    { status, headers: fields },
  )
}

function blobRequest(request: Request, options: BlobHandlerOptions, params?: URLSearchParams): BlobRequest {
  return {
    method: request.method,
    query: params ?? URL.parse(request.url)?.searchParams ?? new URLSearchParams(),
    signal: request.signal,
    header: (name) => request.headers.get(name),
    get body(): BlobSource {
      const { body } = request
      // Cancelling the body closes the connection in most servers, before the client has seen why.
      return body && { [Symbol.asyncIterator]: () => body.values({ preventCancel: true }) }
    },
    authenticate: () => options.authenticate(request),
  }
}

const drainBytes = 1024 * 1024
const drainTime = 2000

/** Reads on for a little while: a client that is still sending sees the answer only if somebody takes what it sends. */
async function drain(body: ReadableStream<Uint8Array>): Promise<void> {
  if (body.locked) return
  const reader = body.getReader()
  const timer = setTimeout(() => reader.cancel().catch(() => {}), drainTime).unref()
  try {
    for (let seen = 0; seen < drainBytes; ) {
      const { done, value } = await reader.read()
      if (done) return
      seen += value.length
    }
    await reader.cancel()
  } catch {
    // The client is gone.
  } finally {
    clearTimeout(timer)
  }
}
