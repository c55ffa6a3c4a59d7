import type { UploadLimits } from '../store/calls.ts'
import { assertUploadLimits } from '../store/upload/narrowed-limits.ts'
import { requester } from './account.ts'
import { XrpcError } from './errors.ts'
import type { BlobRequest } from './request.ts'

// What the headers of an upload say, checked before a byte of the body is read.

/** Who uploads, and the limits of this client. Wrong limits are the host's mistake: answered by 500, and reported. */
export async function uploader(request: BlobRequest): Promise<{ did: string; limits: UploadLimits }> {
  const { did, accept, maxSize, quota, grants } = await requester(request)
  const limits = { accept, maxSize, quota, grants }
  try {
    assertUploadLimits('authenticate', limits)
  } catch (cause) {
    throw new Error('authenticate returned invalid limits for the upload', { cause })
  }
  return { did, limits }
}

/**
 * Encodings are refused, not decoded: a few kilobytes of gzip can be gigabytes, and the CID is that of the bytes sent.
 */
export function assertPlain(request: BlobRequest): void {
  assertNoCoding(request)
  if (typeOf(request)?.toLowerCase() !== 'multipart/form-data') return
  throw unsupported(
    'A form (multipart/form-data) is not supported: send the bytes of the file alone as the body, and its type as Content-Type',
  )
}

/** Of any request that has bytes. */
export function assertNoCoding(request: BlobRequest): void {
  const plain = 'send the bytes as they are'
  if (names(request, 'content-encoding', ['identity'])) throw unsupported(`Content-Encoding is not supported: ${plain}`)
  if (names(request, 'transfer-encoding', ['identity', 'chunked'])) {
    throw unsupported(`Transfer-Encoding is not supported: ${plain}`)
  }
}

/** Whether the header, a list, contains anything else. Empty elements of a list are ignored (RFC 9110). */
function names(request: BlobRequest, header: string, known: readonly string[]): boolean {
  const list = request.header(header)?.split(',') ?? []
  return list.map((one) => one.trim().toLowerCase()).some((one) => one !== '' && !known.includes(one))
}

function unsupported(message: string): XrpcError {
  return new XrpcError(415, 'UnsupportedMediaType', message)
}

export function declaredSize(request: BlobRequest): number | undefined {
  const header = request.header('content-length')
  if (header === null) return undefined
  if (!/^\d{1,15}$/.test(header)) throw new XrpcError(400, 'InvalidRequest', 'Content-Length is not a number of bytes')
  return Number(header)
}

/**
 * The type without its parameters, whatever these are. An invalid type declares none (mimesniff), and neither does a
 * range: XRPC clients may send the Lexicon's pattern.
 */
export function typeOf(request: BlobRequest): string | undefined {
  return request.header('content-type')?.split(';', 1)[0]?.trim()
}
