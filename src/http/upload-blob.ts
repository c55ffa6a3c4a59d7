import type { UploadLimits } from '../store/calls.ts'
import { assertUploadLimits } from '../store/upload/narrowed-limits.ts'
import { requester } from './account.ts'
import { XrpcError } from './errors.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { BlobRequest, Call } from './request.ts'

/** com.atproto.repo.uploadBlob. Checks everything that is in the headers before a byte of the body is read. */
export async function uploadBlob({ blobs, request }: Call): Promise<Reply> {
  const { did, accept, maxSize, quota, grants } = await requester(request)
  const limits = { accept, maxSize, quota, grants }
  assertHostsLimits(limits)
  assertPlain(request)
  const size = declaredSize(request)
  const { maxBlobSize } = blobs.limits
  if (size !== undefined && size > maxBlobSize) {
    throw new XrpcError(413, 'PayloadTooLarge', `The blob has ${size} bytes, the limit is ${maxBlobSize}`)
  }
  const { signal } = request
  const blob = await blobs.upload(did, request.body, { ...limits, mimeType: typeOf(request), size, signal })
  return jsonReply({ blob })
}

/** Wrong limits are the host's mistake, not the client's: they are answered by 500, and reported to the host. */
function assertHostsLimits(limits: UploadLimits): void {
  try {
    assertUploadLimits('authenticate', limits)
  } catch (cause) {
    throw new Error('authenticate returned invalid limits for the upload', { cause })
  }
}

/**
 * Encodings are refused, not decoded: a few kilobytes of gzip can be gigabytes, and the CID is that of the bytes sent.
 */
function assertPlain(request: BlobRequest): void {
  const plain = 'send the bytes as they are'
  if (names(request, 'content-encoding', ['identity'])) throw unsupported(`Content-Encoding is not supported: ${plain}`)
  if (names(request, 'transfer-encoding', ['identity', 'chunked'])) {
    throw unsupported(`Transfer-Encoding is not supported: ${plain}`)
  }
  if (typeOf(request)?.toLowerCase() !== 'multipart/form-data') return
  throw unsupported(
    'A form (multipart/form-data) is not supported: send the bytes of the file alone as the body, and its type as Content-Type',
  )
}

/** Whether the header, a list, contains anything else. Empty elements of a list are ignored (RFC 9110). */
function names(request: BlobRequest, header: string, known: readonly string[]): boolean {
  const list = request.header(header)?.split(',') ?? []
  return list.map((one) => one.trim().toLowerCase()).some((one) => one !== '' && !known.includes(one))
}

function unsupported(message: string): XrpcError {
  return new XrpcError(415, 'UnsupportedMediaType', message)
}

function declaredSize(request: BlobRequest): number | undefined {
  const header = request.header('content-length')
  if (header === null) return undefined
  if (!/^\d{1,15}$/.test(header)) throw new XrpcError(400, 'InvalidRequest', 'Content-Length is not a number of bytes')
  return Number(header)
}

/**
 * The type without its parameters, whatever these are. An invalid type declares none (mimesniff), and neither does a
 * range: XRPC clients may send the Lexicon's pattern.
 */
function typeOf(request: BlobRequest): string | undefined {
  return request.header('content-type')?.split(';', 1)[0]?.trim()
}
