import { XrpcError } from '../http/errors.ts'
import type { BlobRequest } from '../http/request.ts'
import { typeOf } from '../http/upload-headers.ts'

/** The version of the protocol. There is only one. */
export const version = '1.0.0'

export const extensions = 'creation,creation-with-upload,creation-defer-length,expiration,termination'

const longestMetadata = 4096

/** What the client announces in the headers of a request that begins an upload. */
export interface Announced {
  /** In bytes; undefined if it is known later. */
  size: number | undefined
  mimeType: string | undefined
  fileName: string | undefined
  cid: string | undefined
  /** `Upload-Metadata` as it was sent, which HEAD repeats. */
  note: string | undefined
}

/** @throws `XrpcError` for a header that is missing or malformed */
export function announced(request: BlobRequest): Announced {
  if (request.header('upload-concat') !== null) {
    throw invalid('Upload-Concat is not supported, see Tus-Extension: send the file as one upload')
  }
  const size = numberIn(request, 'upload-length')
  const deferred = request.header('upload-defer-length')
  if (deferred !== null && deferred !== '1') throw invalid('Upload-Defer-Length must be 1')
  if ((size === undefined) === (deferred === null)) {
    throw invalid('Send either Upload-Length, the number of bytes, or Upload-Defer-Length: 1')
  }
  const note = request.header('upload-metadata') ?? undefined
  const metadata = metadataOf(note ?? '')
  return {
    size,
    // Both names of each are usual: those of tus-js-client's examples, and those of Uppy.
    mimeType: metadata.get('filetype') ?? metadata.get('type'),
    fileName: metadata.get('filename') ?? metadata.get('name'),
    cid: metadata.get('cid'),
    note,
  }
}

/** A whole number in a header; undefined without it. @throws `XrpcError` */
export function numberIn(request: BlobRequest, name: 'upload-length' | 'upload-offset'): number | undefined {
  const text = request.header(name)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text)) throw invalid(`${spelled(name)} must be a number of bytes`)
  return Number(text)
}

/** Whether the body is bytes of the file. */
export function hasBytes(request: BlobRequest): boolean {
  return typeOf(request)?.toLowerCase() === 'application/offset+octet-stream'
}

/** Pairs of a name and a value in base64, with commas between them. A value may be missing. */
function metadataOf(header: string): Map<string, string> {
  if (header.length > longestMetadata) throw invalid(`Upload-Metadata may have ${longestMetadata} characters`)
  const pairs = header.split(',').map((pair) => pair.trim().split(/ +/))
  return new Map(
    pairs.map(([name = '', value = '', ...rest]) => {
      if (rest.length > 0 || !/^[!-~]*$/.test(name) || !/^[\w+/-]*={0,2}$/.test(value)) {
        throw invalid('Upload-Metadata must be pairs of a name and a value in base64, with commas between the pairs')
      }
      return [name, Buffer.from(value, 'base64').toString()]
    }),
  )
}

const spelled = (name: string): string => name.replace(/(^|-)[a-z]/g, (letters) => letters.toUpperCase())

export function invalid(message: string): XrpcError {
  return new XrpcError(400, 'InvalidRequest', message)
}
