import type { ResumableUpload } from '../../store/resumable/resumable-uploads.ts'
import { XrpcError } from '../errors.ts'
import type { BlobRequest, Call } from '../request.ts'

// The header fields of the IETF's draft "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload-15).

export const partialUpload = 'application/partial-upload'

/**
 * The versions of the draft that clients name while it is one: those from 5 on have the same fields as the last. A
 * client of an older one is answered like all others; one that names none speaks the last.
 */
export function speaksDraft(request: BlobRequest): boolean {
  return request.header(versionField) === null || versionOf(request) !== null
}

/** A client accepts only a response of its own version. */
export function versionHeader(request: BlobRequest): Record<string, string> {
  const version = versionOf(request)
  return version === null ? {} : { [versionField]: version }
}

const versionField = 'upload-draft-interop-version'

/** The version that the client names, if it is one with these fields. */
function versionOf(request: BlobRequest): string | null {
  const version = request.header(versionField)?.trim() ?? ''
  return /^[5-9]$/.test(version) ? version : null
}

/** Upload-Complete: whether the body is the last; null if it is absent or invalid. */
export function completeness(request: BlobRequest): boolean | null {
  const value = request.header('upload-complete')?.trim()
  if (value === '?1') return true
  return value === '?0' ? false : null
}

/** A number of bytes; null if the header is absent or invalid. */
export function bytesIn(request: BlobRequest, header: 'upload-offset' | 'upload-length'): number | null {
  const value = request.header(header)?.trim() ?? ''
  return /^\d{1,15}$/.test(value) ? Number(value) : null
}

/**
 * How many bytes the upload has in all, by Upload-Length or by a last body of known length; null if unknown.
 *
 * @throws `XrpcError` 400 if the two differ
 */
export function lengthOf(request: BlobRequest, offset: number, contentLength: number | undefined): number | null {
  const announced = bytesIn(request, 'upload-length')
  const counted = completeness(request) && contentLength !== undefined ? offset + contentLength : null
  if (announced !== null && counted !== null && announced !== counted) throw inconsistent()
  return announced ?? counted
}

export const inconsistent = (): XrpcError =>
  new XrpcError(400, 'InvalidRequest', 'The length of the upload differs from what was said before')

/** Upload-Limit: what the server accepts. */
export function limitHeader({ blobs }: Call, upload?: ResumableUpload): Record<string, string> {
  const age = upload && Math.max(0, Math.floor((upload.expiresAt.getTime() - Date.now()) / 1000))
  const limits = [`max-size=${blobs.limits.maxBlobSize}`, ...(age === undefined ? [] : [`max-age=${age}`])]
  return { 'upload-limit': limits.join(', ') }
}

/** By which a client sees in a response to OPTIONS that uploads may be resumed here. */
export function creationHeaders(call: Call): Record<string, string> {
  return { 'accept-patch': partialUpload, ...limitHeader(call) }
}

/** The state of an upload. */
export function stateHeaders(call: Call, upload: ResumableUpload): Record<string, string> {
  return {
    'upload-offset': String(upload.offset),
    'upload-complete': upload.blob ? '?1' : '?0',
    ...(upload.size !== null && { 'upload-length': String(upload.size) }),
    ...limitHeader(call, upload),
    ...versionHeader(call.request),
    'cache-control': 'no-store',
  }
}
