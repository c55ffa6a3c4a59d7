import { type BlobCid, isBlobCid } from '../blob/cid.ts'
import { HostAnswer, isResponse } from './account.ts'
import { toXrpcError } from './error-table.ts'
import { XrpcError } from './errors.ts'
import type { BlobServingOptions } from './options.ts'
import { errorReply, type Reply, replyOf } from './reply.ts'
import type { BlobRequest, Call, Route } from './request.ts'

/** The answer to a request: whatever happens it is one, with every header that it must have. Never rejects. */
export async function answer(route: Route, call: Call): Promise<Reply> {
  try {
    return complete(route, call, await handle(route, call))
  } catch (error) {
    return await answerError(route, call, error)
  }
}

/** The answer to an error, wherever it came from. Never rejects. */
export async function answerError(route: Route, call: Call, error: unknown): Promise<Reply> {
  const own = error instanceof HostAnswer ? error.response : error
  try {
    if (isResponse(own)) return complete(route, call, await replyOf(own))
  } catch (failure) {
    return answerError(route, call, failure)
  }
  const known = toXrpcError(error)
  // A client that left made the error itself, and there is nobody to answer.
  if (known.status >= 500 && !call.request.signal.aborted) report(call.options, error, route.nsid)
  return complete(route, call, errorReply(known))
}

/** The answer where no method is named that is ours. */
export function noSuchMethod(): Reply {
  const reply = errorReply(new XrpcError(404, 'XRPCNotSupported', 'No such method'))
  return { ...reply, headers: { ...reply.headers, ...securityHeaders() } }
}

async function handle(route: Route, call: Call): Promise<Reply> {
  const { method } = call.request
  if (route.methods.includes(method)) {
    if (route.file) assertNoCode(call.request)
    return await route.handle(call)
  }
  const allow = [...route.methods, 'OPTIONS'].join(', ')
  if (method !== 'OPTIONS') throw new XrpcError(405, 'InvalidRequest', `Method not allowed: use ${allow}`, { allow })
  const preflight = corsAllowed(route, call.options) ? preflightHeaders(route) : {}
  return { status: 204, headers: { allow, ...preflight }, body: null }
}

/** Adds what every answer has, after and above what the method set. */
function complete(route: Route, { options, request }: Call, reply: Reply): Reply {
  const cid = request.query.get('cid')
  const headers = {
    ...reply.headers,
    ...(route.file ? destinationHeaders : {}),
    ...(corsAllowed(route, options) ? corsHeaders : {}),
    ...securityHeaders(route.file && isBlobCid(cid) ? cid : undefined),
  }
  return { status: reply.status, headers, body: request.method === 'HEAD' ? null : reply.body }
}

/** Whether pages of other origins may call the method. */
function corsAllowed(route: Route, options: BlobServingOptions): boolean {
  const cors = options.cors ?? 'public'
  return cors === 'all' || (cors === 'public' && route.public)
}

/** Any origin, hence never with its cookies: tokens are in a header that the page itself sets. */
const corsHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': '*',
}

function preflightHeaders(route: Route): Record<string, string> {
  return {
    'access-control-allow-methods': route.methods.join(', '),
    // The wildcard covers every header but this one.
    'access-control-allow-headers': '*, authorization',
    'access-control-max-age': '86400',
  }
}

/**
 * The headers that keep a blob from doing harm in a browser, for every status and for HEAD. This is the only place
 * that makes them, they are set last, and nothing relaxes them by type: a polyglot file has two types.
 */
function securityHeaders(cid?: BlobCid): Record<string, string> {
  return {
    // The type is what the row says. A browser that looks for itself would run HTML that was stored as text.
    'x-content-type-options': 'nosniff',
    // Opened by its address a blob is saved, not shown: no page of anybody's on the host's origin. A CID in its
    // canonical spelling needs no escapes.
    'content-disposition': cid ? `attachment; filename="${cid}"` : 'attachment',
    // And where it is shown none the less (a frame, an old browser), it loads and runs nothing, in an origin apart.
    'content-security-policy': "default-src 'none'; sandbox",
    // Clients on other origins embed images; without it a page with COEP could not. Public bytes, nothing to hide.
    'cross-origin-resource-policy': 'cross-origin',
  }
}

/**
 * What browsers ask for in order to run it, or to let it decide how a page looks. No header of the answer keeps a page of
 * the host's own origin from that: neither `nosniff`, where a user has uploaded text/javascript, nor the sandbox, which
 * is for documents.
 */
const code = new Set([
  ...['script', 'style', 'xslt'],
  ...['worker', 'sharedworker', 'serviceworker', 'audioworklet', 'paintworklet'],
])

/**
 * Refuses a file to a page that would run it. Browsers say what they want it for to HTTPS and to localhost, and no page can
 * change what they say; other clients say nothing.
 */
function assertNoCode(request: BlobRequest): void {
  if (!code.has(request.header('sec-fetch-dest') ?? '')) return
  throw new XrpcError(403, 'Forbidden', 'Blobs are not served as scripts, workers or style sheets')
}

/**
 * Without it the refusal would be none: a page that shows the file as an image first has it in the browser's cache, which
 * would give it to a script.
 */
const destinationHeaders: Readonly<Record<string, string>> = { vary: 'Sec-Fetch-Dest' }

/** Tells the host of an error. A hook that throws must not cost the client its answer. */
export function report(options: BlobServingOptions, error: unknown, method: string): void {
  try {
    options.onError?.(error, { method })
    options.logger?.error({ err: error, method }, 'A blob request failed')
  } catch {
    // Nobody is left to be told.
  }
}
