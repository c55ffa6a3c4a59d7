import { isBlobCid } from '../blob/cid.ts'
import { HostAnswer, isResponse } from './account.ts'
import { corsAllowed, corsHeaders, preflightHeaders } from './cors.ts'
import { assertNoCode, destinationHeaders } from './destination.ts'
import { toXrpcError } from './error-table.ts'
import { securityHeaders } from './headers.ts'
import { errorReply, type Reply, replyOf } from './reply.ts'
import { report } from './report.ts'
import type { Call, Route } from './routes.ts'
import { XrpcError } from './xrpc-error.ts'

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
