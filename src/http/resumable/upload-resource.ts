import { isBlobStoreError } from '../../errors.ts'
import type { UploadLimits } from '../../store/calls.ts'
import type { ResumableUpload } from '../../store/resumable/resumable-uploads.ts'
import { methodNotAllowed, XrpcError } from '../errors.ts'
import { jsonReply, type Reply } from '../reply.ts'
import type { BlobRequest, Call } from '../request.ts'
import { assertNoCoding, declaredSize, typeOf } from '../upload-headers.ts'
import { appendAndFinish } from './append-and-finish.ts'
import { appendBytes } from './end-refused.ts'
import { bytesIn, completeness, inconsistent, lengthOf, partialUpload, stateHeaders } from './headers.ts'

/**
 * An upload that was begun, at the address of uploadBlob with `?upload=<id>`: HEAD tells how much has arrived, PATCH
 * continues, DELETE gives it up. GET is ours: it answers with the blob once there is one, for a client that missed it.
 */
export async function uploadResource(call: Call, did: string, limits: UploadLimits): Promise<Reply> {
  const { blobs, request } = call
  const id = idIn(request)
  if (request.method === 'DELETE') {
    await blobs.resumable.abort(did, id)
    return { status: 204, headers: {}, body: null }
  }
  const upload = await blobs.resumable.stat(did, id)
  if (!upload) throw notFound()
  if (request.method === 'PATCH') return await patch(call, did, upload, limits)
  const headers = stateHeaders(call, upload)
  if (request.method === 'HEAD') return { status: 204, headers, body: null }
  if (request.method !== 'GET') throw methodNotAllowed(['PATCH', 'GET', 'HEAD', 'DELETE'])
  const { offset, size, blob } = upload
  const reply = jsonReply({ offset, ...(size !== null && { size }), ...(blob && { blob }) })
  return { ...reply, headers: { ...reply.headers, ...headers } }
}

async function patch(call: Call, did: string, upload: ResumableUpload, limits: UploadLimits): Promise<Reply> {
  const { request } = call
  assertNoCoding(request)
  if (typeOf(request)?.toLowerCase() !== partialUpload) {
    throw new XrpcError(415, 'UnsupportedMediaType', `Content-Type must be ${partialUpload}`, {
      'accept-patch': partialUpload,
    })
  }
  const [offset, complete] = [bytesIn(request, 'upload-offset'), completeness(request)]
  if (offset === null || complete === null) {
    throw new XrpcError(400, 'InvalidRequest', 'Upload-Offset and Upload-Complete are required')
  }
  if (upload.blob) throw completed(call, upload)
  if (offset !== upload.offset) throw mismatch(upload.offset)
  const length = lengthOf(request, offset, declaredSize(request))
  if (length !== null && upload.size !== null && length !== upload.size) throw inconsistent()
  const size = length ?? undefined
  try {
    if (complete) return await appendAndFinish(call, did, { ...upload, size }, limits)
    const state = await appendBytes(call, did, { id: upload.id, offset }, { ...limits, size })
    return { status: 204, headers: stateHeaders(call, state), body: null }
  } catch (error) {
    throw isBlobStoreError(error, 'UploadOffsetMismatch') ? mismatch(error.offset ?? 0) : error
  }
}

function mismatch(offset: number): XrpcError {
  const message = `The upload has ${offset} bytes: continue there`
  return new XrpcError(409, 'UploadOffsetMismatch', message, {
    'upload-offset': String(offset),
    'upload-complete': '?0',
  })
}

function completed(call: Call, upload: ResumableUpload): XrpcError {
  const message = 'The upload is complete; GET its address for the blob'
  return new XrpcError(400, 'UploadComplete', message, stateHeaders(call, upload))
}

function idIn(request: BlobRequest): string {
  const id = request.query.get('upload') ?? ''
  if (/^[a-z2-7]{26}$/.test(id)) return id
  throw notFound()
}

function notFound(): XrpcError {
  return new XrpcError(404, 'UploadNotFound', 'There is no such upload, or it has ended or expired')
}
