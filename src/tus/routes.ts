import { isBlobStoreError } from '../errors.ts'
import { report } from '../http/answer.ts'
import { toXrpcError } from '../http/error-table.ts'
import { methodNotAllowed, XrpcError } from '../http/errors.ts'
import type { Reply } from '../http/reply.ts'
import type { Call, Route } from '../http/request.ts'
import { version } from './headers.ts'
import { append, create, state, terminate } from './uploads.ts'

type Handler = (call: Call) => Promise<Reply>

/** The address at which uploads begin. */
export const creation: Route = routeOf({ POST: create })

/** The address of one upload. */
export const upload: Route = routeOf({ HEAD: state, GET: state, PATCH: append, DELETE: terminate })

function routeOf(handlers: Readonly<Record<string, Handler>>): Route {
  const methods = Object.keys(handlers)
  return {
    nsid: 'tus',
    // POST with X-HTTP-Method-Override is for networks that let no other method through.
    methods: [...new Set([...methods, 'POST'])],
    public: false,
    async handle(call) {
      const method = call.request.header('x-http-method-override')?.toUpperCase() ?? call.request.method
      const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined
      if (!handler) throw methodNotAllowed(methods)
      if (method !== 'GET') assertVersion(call)
      try {
        return await handler(call)
      } catch (error) {
        throw method === 'HEAD' ? answerToHead(call, error) : (lockedBy(error) ?? error)
      }
    },
  }
}

function assertVersion({ request }: Call): void {
  if (request.header('tus-resumable') === version) return
  throw new XrpcError(412, 'InvalidRequest', `Tus-Resumable must be ${version}`, { 'tus-version': version })
}

/** 423 says to tus clients: ask again in a moment how far the upload is, and continue. */
function lockedBy(error: unknown): XrpcError | null {
  for (const code of ['UploadBusy', 'UploadInterrupted', 'UploadTimeout'] as const) {
    if (isBlobStoreError(error, code)) return locked(code, error.message)
  }
  return null
}

const locked = (code: string, message: string): XrpcError => new XrpcError(423, code, message, { 'retry-after': '1' })

/**
 * To any refusal of HEAD but 423, clients begin a new upload, and send all bytes again: so what passes is 423, as an
 * overload or a database that fails over.
 */
function answerToHead(call: Call, error: unknown): unknown {
  const known = lockedBy(error) ?? toXrpcError(error)
  if (known.status < 500 && known.status !== 429) return known.status === 423 ? known : error
  if (known.status >= 500 && !call.request.signal.aborted) report(call.options, error, 'tus')
  return locked(known.error, known.message)
}
