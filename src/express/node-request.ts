import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlobRequest } from '../http/request.ts'
import type { BlobSource } from '../store/source.ts'
import type { BlobRouterOptions } from './options.ts'
import { requestBody } from './request-body.ts'

/** A request of Node's, and what Express adds to it. */
export type NodeRequest = IncomingMessage & {
  /** The URL before a router stripped the path that it is mounted under. */
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
    query: params ?? new URLSearchParams(splitUrl(req.url ?? '').query),
    signal: signalOf(req, res),
    header(name) {
      const value = req.headers[name]
      return value === undefined ? null : String(value)
    },
    get body(): BlobSource {
      return { [Symbol.asyncIterator]: () => requestBody(req) } // not listened to before it is read
    },
    authenticate: () => options.authenticate(webRequest(req), req),
  }
}

/** The path and the query of a request target, in the origin or the absolute form. */
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
  // Before Node 24 an answer that waits behind another on its connection (pipelining) is never closed; its request is.
  req.once('close', () => {
    if (!res.writableFinished && req.socket.destroyed) gone.abort()
  })
  return gone.signal
}

const plainHost = /^(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i

/** Method, address and headers. Without the body: whoever authenticates must not be able to use up the upload. */
function webRequest(req: NodeRequest): Request {
  const encrypted = 'encrypted' in req.socket && req.socket.encrypted === true
  const protocol = req.protocol ?? (encrypted ? 'https' : 'http')
  const { path, query } = splitUrl(req.originalUrl ?? req.url ?? '/')
  const target = query === '' ? path : `${path}?${query}`
  // The client's own words: they must not become part of the path, which tells what is called.
  const named = req.headers.host ?? req.headers[':authority']
  const host = typeof named === 'string' && plainHost.test(named) ? named : 'localhost'
  const url = URL.parse(`${protocol}://${host}${target}`)
  const headers = new Headers()
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = req.rawHeaders.slice(i, i + 2)
    // Those of HTTP/2 that are none (`:method`, `:path`) are in the method and the address already.
    if (!name.startsWith(':')) headers.append(name, value)
  }
  return new Request(url ?? `http://localhost${target}`, { method: req.method ?? 'GET', headers })
}
