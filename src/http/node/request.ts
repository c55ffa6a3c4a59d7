import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlobSource } from '../../store/upload/source.ts'
import type { Authenticated, BlobServingOptions, SpaceAccess, SpaceDecision } from '../options.ts'
import type { BlobRequest } from '../request.ts'
import { sendInterim } from './interim.ts'

/** A Node request, and what Express adds to it. */
export type NodeRequest = IncomingMessage & {
  /** The URL before a router removed the path that it is mounted under. */
  readonly originalUrl?: string
  /** `https` behind a proxy that the host trusts. */
  readonly protocol?: string
}

export function blobRequest(
  req: NodeRequest,
  res: ServerResponse,
  options: BlobRouterOptions,
  params?: URLSearchParams,
): BlobRequest {
  return {
    method: req.method ?? 'GET',
    path: splitUrl(req.originalUrl ?? req.url ?? '/').path,
    query: params ?? new URLSearchParams(splitUrl(req.url ?? '').query),
    signal: signalOf(req, res),
    header(name) {
      const value = req.headers[name]
      return value === undefined ? null : String(value)
    },
    interim: (status, reason, headers) => sendInterim(res, status, reason, headers),
    get body(): BlobSource {
      return { [Symbol.asyncIterator]: () => requestBody(req) } // no listeners before it is read
    },
    authenticate: () => options.authenticate(webRequest(req), req),
    authorizeSpace: (asked) => (options.authorizeSpace ? options.authorizeSpace(webRequest(req), asked, req) : false),
  }
}

/** The path and the query of a request target, in origin or absolute form. */
export function splitUrl(target: string): { path: string; query: string } {
  const origin = target.startsWith('/') ? '' : (/^https?:\/\/[^/?#]*/i.exec(target)?.[0] ?? '')
  const [path = '', query = ''] = splitOnce(target.slice(origin.length), '?')
  return { path, query }
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function signalOf(req: IncomingMessage, res: ServerResponse): AbortSignal {
  const gone = new AbortController()
  res.once('close', () => {
    if (!res.writableFinished) gone.abort()
  })
  // Before Node 24 a response that waits behind another on its connection (pipelining) is never closed, but its request
  // is.
  req.once('close', () => {
    if (!res.writableFinished && req.socket.destroyed) gone.abort()
  })
  return gone.signal
}

const plainHost = /^(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i

/** Method, address and headers. Without the body: the host's `authenticate` must not be able to consume the upload. */
function webRequest(req: NodeRequest): Request {
  const encrypted = 'encrypted' in req.socket && req.socket.encrypted === true
  const protocol = req.protocol ?? (encrypted ? 'https' : 'http')
  const { path, query } = splitUrl(req.originalUrl ?? req.url ?? '/')
  const target = query === '' ? path : `${path}?${query}`
  // The client chooses the host name, so it must not become part of the path, which selects the method.
  const named = req.headers.host ?? req.headers[':authority']
  const host = typeof named === 'string' && plainHost.test(named) ? named : 'localhost'
  const url = URL.parse(`${protocol}://${host}${target}`)
  const headers = new Headers()
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = req.rawHeaders.slice(i, i + 2)
    // Pseudo-headers of HTTP/2 (`:method`, `:path`) are in the method and the address already.
    if (!name.startsWith(':')) headers.append(name, value)
  }
  return new Request(url ?? `http://localhost${target}`, { method: req.method ?? 'GET', headers })
}

export interface BlobRouterOptions extends BlobServingOptions {
  /**
   * As for `createBlobHandler`. `request` has the method, the whole address and the headers, but no body; `req` is
   * Express's request, with what the host's middleware added (`req.auth`).
   */
  authenticate: (request: Request, req: IncomingMessage) => Authenticated | Promise<Authenticated>

  /**
   * As for `createBlobHandler`: whether this request may see the account's blobs in the space. `request` and `req` as above.
   * @default com.atproto.space.getBlob and space.listBlobs are not there, and go on to `next`
   */
  authorizeSpace?:
    | ((request: Request, asked: SpaceAccess, req: IncomingMessage) => SpaceDecision | Promise<SpaceDecision>)
    | undefined
}

/**
 * The body of a Node request, chunk by chunk. Unlike with `for await` over the request itself, leaving it early does
 * not destroy the connection, so that the client can get the reason; and it can be left while a chunk is awaited.
 */
export function requestBody(req: IncomingMessage): AsyncIterableIterator<Uint8Array> {
  let wake = () => {}
  let over = false
  const events = ['readable', 'end', 'close'] as const
  const onEvent = () => wake()
  const leave = () => {
    over = true
    for (const event of events) req.off(event, onEvent)
    wake()
  }
  req.on('error', onEvent) // never removed: an error without a listener would end the process
  for (const event of events) req.on(event, onEvent)

  return {
    async next() {
      while (!over) {
        const chunk: Uint8Array | null = req.read()
        if (chunk !== null) return { done: false, value: chunk }
        if (req.readableEnded) break
        if (req.destroyed) throw req.errored ?? new Error('The connection was closed before the end of the body')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      leave()
      return { done: true, value: undefined }
    },
    async return() {
      leave()
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
