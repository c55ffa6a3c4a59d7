import { methodNotAllowed, XrpcError } from './errors.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { Call } from './request.ts'
import { createUpload, isResumable } from './resumable/create-upload.ts'
import { uploadResource } from './resumable/upload-resource.ts'
import { assertPlain, declaredSize, typeOf, uploader } from './upload-headers.ts'

/**
 * com.atproto.repo.uploadBlob. Checks everything that is in the headers before a byte of the body is read. Clients that
 * speak the IETF's draft of resumable uploads may continue what was interrupted: see resumable/upload-resource.ts.
 */
export async function uploadBlob(call: Call): Promise<Reply> {
  const { blobs, request } = call
  const continues = request.query.has('upload')
  if (request.method !== 'POST' && !continues) throw methodNotAllowed(['POST'])
  const { did, limits } = await uploader(request)
  if (continues) return await uploadResource(call, did, limits)
  assertPlain(request)
  const resumable = isResumable(call) ? await createUpload(call, did, limits) : null
  if (resumable) return resumable
  const size = declaredSize(request)
  const { maxBlobSize } = blobs.limits
  if (size !== undefined && size > maxBlobSize) {
    throw new XrpcError(413, 'PayloadTooLarge', `The blob has ${size} bytes, the limit is ${maxBlobSize}`)
  }
  const { signal } = request
  const blob = await blobs.upload(did, request.body, { ...limits, mimeType: typeOf(request), size, signal })
  return jsonReply({ blob })
}
