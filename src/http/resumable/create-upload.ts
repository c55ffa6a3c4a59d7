import { isBlobStoreError } from '../../errors.ts'
import type { UploadLimits } from '../../store/calls.ts'
import type { ResumableUpload } from '../../store/resumable/resumable-uploads.ts'
import type { Reply } from '../reply.ts'
import type { Call } from '../request.ts'
import { declaredSize, typeOf } from '../upload-headers.ts'
import { appendAndFinish } from './append-and-finish.ts'
import { appendBytes } from './end-refused.ts'
import { completeness, lengthOf, limitHeader, speaksDraft, stateHeaders, versionHeader } from './headers.ts'

/** A whole body of up to so many bytes is sent again more cheaply than it is resumed. */
const worthwhile = 1024 * 1024

/**
 * Whether the client may continue its upload. If it sends all at once, that is offered by an interim response: where the
 * server can send none, or the body is small, it is an upload like any other.
 */
export function isResumable(call: Call): boolean {
  const { request } = call
  const complete = completeness(request)
  if (complete === null || !speaksDraft(request)) return false
  if (!complete) return true
  return offers(call) && (declaredSize(request) ?? worthwhile) >= worthwhile
}

/** Whether the client learns the address before it has sent all. */
function offers({ options, request }: Call): boolean {
  return options.interimResponses === true && request.interim !== undefined
}

/**
 * Begins an upload, tells the client where to continue it, and takes what it sends. Null if the account has too many
 * unfinished ones for that, and the client sends all at once: then it is an upload like any other.
 */
export async function createUpload(call: Call, did: string, limits: UploadLimits): Promise<Reply | null> {
  const { blobs, request } = call
  const contentLength = declaredSize(request)
  const size = lengthOf(request, 0, contentLength) ?? undefined
  const { signal } = request
  const creating = blobs.resumable.create(did, { ...limits, size, mimeType: typeOf(request), signal })
  const upload = await creating.catch((error: unknown) => {
    if (completeness(request) && isBlobStoreError(error, 'TooManyUploads')) return null
    throw error
  })
  if (upload === null) return null
  const location = { location: addressOf(call, upload) }
  const shared = { ...location, ...limitHeader(call, upload), ...versionHeader(request) }
  if (offers(call)) request.interim?.(104, 'Upload Resumption Supported', shared)
  if (completeness(request)) return await appendAndFinish(call, did, { ...upload, size }, limits)
  try {
    const state = await appendBytes(call, did, { id: upload.id, offset: 0 }, limits)
    return { status: 201, headers: { ...location, ...stateHeaders(call, state), 'content-length': '0' }, body: null }
  } catch (error) {
    // A client that has not learned the address cannot continue there.
    if (!offers(call)) await blobs.resumable.abort(did, upload.id).catch(() => {})
    throw error
  }
}

/** On the path that the client knows, so that it is right behind any proxy. */
function addressOf({ request }: Call, { id }: ResumableUpload): string {
  return `${request.path}?upload=${id}`
}
