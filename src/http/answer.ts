import { type BlobCid, isBlobCid } from '../blob/cid.ts'
import { HostAnswer, isResponse } from './account.ts'
import { toXrpcError } from './error-table.ts'
import { methodNotAllowed, XrpcError } from './errors.ts'
import type { BlobServingOptions } from './options.ts'
import { errorReply, type Reply, replyOf } from './reply.ts'
import type { BlobRequest, Call, Route } from './request.ts'

/** Answers a request, whatever happens, with all the headers that a response must have. Never rejects. */
export async function answer(route: Route, call: Call): Promise<Reply> {
  try {
    return complete(route, call, await handle(route, call))
  } catch (error) {
    return await answerError(route, call, error)
  }
}

/** The response to an error, wherever it came from. Never rejects. */
export async function answerError(route: Route, call: Call, error: unknown): Promise<Reply> {
  const own = error instanceof HostAnswer ? error.response : error
  try {
    if (isResponse(own)) return complete(route, call, await replyOf(own))
  } catch (failure) {
    return answerError(route, call, failure)
  }
  const known = toXrpcError(error)
  // When the client disconnected, it caused the error itself, and nobody receives a response.
  if (known.status >= 500 && !call.request.signal.aborted) report(call.options, error, route.nsid)
  return complete(route, call, errorReply(known))
}

/** The response to a path that names no method of ours. */
export function noSuchMethod(): Reply {
  const reply = errorReply(new XrpcError(404, 'XRPCNotSupported', 'No such method'))
  return { ...reply, headers: { ...reply.headers, ...securityHeaders({}) } }
}

async function handle(route: Route, call: Call): Promise<Reply> {
  const { method } = call.request
  if (route.methods.includes(method)) {
    if (route.file) assertNoCode(call.request)
    return await route.handle(call)
  }
  if (method !== 'OPTIONS') throw methodNotAllowed(route.methods)
  const allow = [...route.methods, 'OPTIONS'].join(', ')
  const preflight = corsAllowed(route, call.options) ? preflightHeaders(route) : {}
  return { status: 204, headers: { allow, ...route.optionsHeaders?.(call), ...preflight }, body: null }
}

/** Adds the headers that every response has. They overwrite those of the method. */
function complete(route: Route, { options, request }: Call, reply: Reply): Reply {
  const cid = request.query.get('cid')
  const headers = {
    ...reply.headers,
    ...(route.file ? destinationHeaders : {}),
    ...(corsAllowed(route, options) ? corsHeaders : {}),
    ...securityHeaders(route, route.file && isBlobCid(cid) ? cid : undefined),
  }
  return { status: reply.status, headers, body: request.method === 'HEAD' ? null : reply.body }
}

/** Whether pages of other origins may call the method. */
function corsAllowed(route: Route, options: BlobServingOptions): boolean {
  const cors = options.cors ?? 'public'
  return cors === 'all' || (cors === 'public' && route.public)
}

/** Any origin, so never with its cookies: tokens are in a header that the page itself sets. */
const corsHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': '*',
}

function preflightHeaders(route: Route): Record<string, string> {
  return {
    'access-control-allow-methods': route.methods.join(', '),
    // The wildcard covers every header except this one.
    'access-control-allow-headers': '*, authorization',
    'access-control-max-age': '86400',
  }
}

/**
 * The headers that keep a blob from doing harm in a browser, for every status and for HEAD. They are created only here,
 * are set last, and no type relaxes them: a polyglot file has two types.
 */
function securityHeaders({ space }: Pick<Route, 'space'>, cid?: BlobCid): Record<string, string> {
  return {
    // The type is that of the row. A browser that guesses the type would run HTML that was stored as text.
    'x-content-type-options': 'nosniff',
    // A blob that is opened by its address is saved, not shown, so no user's page runs on the host's origin. A CID in
    // its canonical spelling needs no escapes.
    'content-disposition': cid ? `attachment; filename="${cid}"` : 'attachment',
    // And where it is shown anyway (an old browser), it loads and runs nothing, in an origin of its own. No page may
    // put it into an <object> or <embed>: Firefox would show a PDF there, and run its scripts, despite all the others.
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    // Clients on other origins embed images, and a page with COEP needs this header for that. Public bytes need no
    // protection. Bytes in a space do: if the host knows visitors by a cookie, no other page may embed what only they
    // may see. Pages that send a token use fetch, to which this header does not apply.
    'cross-origin-resource-policy': space ? 'same-origin' : 'cross-origin',
  }
}

/**
 * The purposes for which a browser would run the file, or let it style a page. No response header prevents that on a
 * page of the host's own origin: neither `nosniff`, if a user has uploaded text/javascript, nor the sandbox, which
 * applies to documents.
 */
const code = new Set([
  ...['script', 'style', 'xslt'],
  ...['worker', 'sharedworker', 'serviceworker', 'audioworklet', 'paintworklet'],
])

/**
 * Refuses a file to a page that would run it. Browsers send the purpose to HTTPS and to localhost, and no page can
 * change it; other clients do not send it.
 */
function assertNoCode(request: BlobRequest): void {
  if (!code.has(request.header('sec-fetch-dest') ?? '')) return
  throw new XrpcError(403, 'Forbidden', 'Blobs are not served as scripts, workers or style sheets')
}

/**
 * Without this header the refusal would fail: a page that first shows the file as an image has it in the browser's
 * cache, which would return it for a script.
 */
const destinationHeaders: Readonly<Record<string, string>> = { vary: 'Sec-Fetch-Dest' }

/** Reports an error to the host. A hook that throws must not prevent the response. */
export function report(options: BlobServingOptions, error: unknown, method: string): void {
  try {
    options.onError?.(error, { method })
    options.logger?.error({ err: error, method }, 'A blob request failed')
  } catch {
    // There is no further place to report it.
  }
}
