import { XrpcError } from '../http/errors.ts'
import { jsonReply, type Reply } from '../http/reply.ts'
import type { Call } from '../http/request.ts'
import { appendBytes, endRefused } from '../http/resumable/end-refused.ts'
import { assertNoCoding, uploader } from '../http/upload-headers.ts'
import type { UploadLimits } from '../store/calls.ts'
import type { ResumableUpload } from '../store/resumable/resumable-uploads.ts'
import { announced, hasBytes, invalid, numberIn } from './headers.ts'

/** Begins an upload, with its first bytes if the request has any. */
export async function create(call: Call): Promise<Reply> {
  const { did, limits } = await uploader(call.request)
  const { blobs, request } = call
  assertNoCoding(request)
  const { signal } = request
  const begun = await blobs.resumable.create(did, { ...limits, ...announced(request), signal })
  const location = `${request.query.get('base')}/${begun.id}`
  try {
    signal.throwIfAborted() // nobody learns the address of an upload whose client has left
    const state = hasBytes(request)
      ? await blobs.resumable.append(did, begun.id, 0, request.body, { ...limits, signal })
      : begun
    const reached = await finishIfComplete(call, did, limits, state)
    return { status: 201, headers: { ...headersOf(reached), location }, body: null }
  } catch (error) {
    // The client does not know its address, and so cannot continue it.
    await blobs.resumable.abort(did, begun.id).catch(() => {})
    throw error
  }
}

/** Adds bytes; after the last the blob is stored. */
export async function append(call: Call): Promise<Reply> {
  const { did, limits } = await uploader(call.request)
  const { request } = call
  assertNoCoding(request)
  if (!hasBytes(request)) {
    throw new XrpcError(415, 'UnsupportedMediaType', 'Content-Type must be application/offset+octet-stream')
  }
  const offset = numberIn(request, 'upload-offset')
  if (offset === undefined) throw invalid('Upload-Offset is missing: the number of bytes that were sent before these')
  const id = idOf(call)
  const size = numberIn(request, 'upload-length')
  const state = await appendBytes(call, did, { id, offset }, { ...limits, size })
  return { status: 204, headers: headersOf(await finishIfComplete(call, did, limits, state)), body: null }
}

/**
 * How far an upload is. If all bytes have arrived and the blob is not stored, because that failed or the process ended, it
 * is stored now: a client that sees its own size here does not come again.
 */
export async function state(call: Call): Promise<Reply> {
  const { did, limits } = await uploader(call.request)
  const { blobs, request } = call
  const id = idOf(call)
  const found = await blobs.resumable.stat(did, id, { signal: request.signal })
  if (!found) throw noSuchUpload()
  const reached = await finishIfComplete(call, did, limits, found, { asking: true })
  const headers = headersOf(reached)
  if (request.method === 'HEAD')
    return { status: 200, headers: { 'cache-control': 'no-store', ...headers, ...metadataOf(found) }, body: null }
  const { offset, size, expiresAt, blob } = reached
  const reply = jsonReply({ id, offset, size, expiresAt: expiresAt.toISOString(), blob })
  return { ...reply, headers: { ...reply.headers, ...headers } }
}

/** Gives an upload up. Says the same of one that is not there: the client wants it gone. */
export async function terminate(call: Call): Promise<Reply> {
  const { did } = await uploader(call.request)
  await call.blobs.resumable.abort(did, idOf(call))
  return { status: 204, headers: {}, body: null }
}

function idOf({ request }: Call): string {
  const id = request.query.get('id') ?? ''
  if (!/^[a-z2-7]{26}$/.test(id)) throw noSuchUpload()
  return id
}

function noSuchUpload(): XrpcError {
  const message = 'There is no such upload, or it has ended or expired; begin a new one'
  return new XrpcError(404, 'UploadNotFound', message)
}

async function finishIfComplete(
  { blobs }: Call,
  did: string,
  limits: UploadLimits,
  state: ResumableUpload,
  how: { asking?: boolean } = {},
): Promise<ResumableUpload> {
  if (state.blob !== null || state.offset !== state.size) return state
  // Without the request's signal: a client that has sent everything and then leaves finds its blob when it returns.
  try {
    return { ...state, blob: await blobs.resumable.finish(did, state.id, limits) }
  } catch (error) {
    await endRefused(blobs, did, state.id, error, how)
    throw error
  }
}

function metadataOf({ note }: ResumableUpload): Record<string, string> {
  return note === null ? {} : { 'upload-metadata': note }
}

function headersOf({ offset, size, expiresAt, blob }: ResumableUpload): Record<string, string> {
  return {
    'upload-offset': String(offset),
    ...(size === null ? { 'upload-defer-length': '1' } : { 'upload-length': String(size) }),
    ...(blob === null ? { 'upload-expires': expiresAt.toUTCString() } : { 'atproto-blob': JSON.stringify(blob) }),
  }
}
