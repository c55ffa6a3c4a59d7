import { requester } from './account.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { BlobRequest } from './request.ts'
import type { Call } from './routes.ts'
import { XrpcError } from './xrpc-error.ts'

/** com.atproto.repo.uploadBlob. All that the headers tell is checked before a byte of the body is read. */
export async function uploadBlob({ blobs, request }: Call): Promise<Reply> {
  const did = await requester(request)
  assertPlain(request)
  const size = declaredSize(request)
  const { maxBlobSize } = blobs.limits
  if (size !== undefined && size > maxBlobSize) {
    throw new XrpcError(413, 'PayloadTooLarge', `The blob has ${size} bytes, the limit is ${maxBlobSize}`)
  }
  const { signal } = request
  const blob = await blobs.upload(did, request.body, { mimeType: declaredType(request), size, signal })
  return jsonReply({ blob })
}

/** Codings are refused, not undone: a few kilobytes of gzip are gigabytes, and the CID is that of the bytes sent. */
function assertPlain(request: BlobRequest): void {
  const coding = request.header('content-encoding')
  const transfer = request.header('transfer-encoding')
  if (coding !== null && coding.trim().toLowerCase() !== 'identity') throw unsupported('Content-Encoding')
  if (transfer !== null && transfer.trim().toLowerCase() !== 'chunked') throw unsupported('Transfer-Encoding')
}

function unsupported(header: string): XrpcError {
  return new XrpcError(415, 'UnsupportedMediaType', `${header} is not supported: send the bytes as they are`)
}

function declaredSize(request: BlobRequest): number | undefined {
  const header = request.header('content-length')
  if (header === null) return undefined
  if (!/^\d{1,15}$/.test(header)) throw new XrpcError(400, 'InvalidRequest', 'Content-Length is not a number of bytes')
  return Number(header)
}

/** The type without its parameters. What names no type (XRPC clients may send the Lexicon's pattern) declares none. */
function declaredType(request: BlobRequest): string | undefined {
  const type = request.header('content-type')?.split(';', 1)[0]?.trim()
  return !type || type.includes('*') ? undefined : type
}
