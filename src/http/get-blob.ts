import type { ByteRange } from '../backend/backend.ts'
import type { BlobCid } from '../blob/cid.ts'
import { octetStream, parseMimeType } from '../blob/mime.ts'
import { BlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/types.ts'
import { assertServed } from './account.ts'
import { taggedAs } from './cache-tags.ts'
import { failsMatch, isNotModified, rangeHolds } from './conditions.ts'
import { XrpcError } from './errors.ts'
import type { BlobServingOptions } from './options.ts'
import { cidParam, didParam } from './params.ts'
import { redirectReply } from './redirect.ts'
import type { Reply } from './reply.ts'
import type { Call } from './request.ts'

/** com.atproto.sync.getBlob: returns the bytes as uploaded, to anyone. */
export async function getBlob(call: Call): Promise<Reply> {
  const { blobs, options, request } = call
  const did = didParam(request)
  const cid = cidParam(request)
  const { signal } = request
  const { verify, redirect } = options
  await assertServed(options, did)

  // The tag is the CID, so conditions need no row. Visibility is checked before them: a blob that was taken down must
  // not be answered by "not modified".
  const etag = etagOf(cid)
  const [fails, unchanged] = [failsMatch(request, etag), isNotModified(request, etag)]
  if (fails || unchanged || request.method === 'HEAD') {
    const blob = await blobs.stat(did, cid, { signal })
    if (!blob) throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
    if (fails) throw new XrpcError(412, 'PreconditionFailed', 'The blob does not match If-Match')
    const headers = blobHeaders(blob, did, options)
    return unchanged ? notModified(headers) : { status: 200, headers: lengthOf(headers, blob.size), body: null }
  }

  const header = rangeHolds(request, etag) ? request.header('range') : null
  const range = (size: number) => rangeOf(header, size)
  const elsewhere = redirect && (await redirectReply(call, redirect, did, cid, ({ size }) => range(size)))
  if (elsewhere) return elsewhere
  const body = await blobs.read(did, cid, { range, signal, verify })
  const headers = blobHeaders(body, did, options)
  if (!body.range) return { status: 200, headers: lengthOf(headers, body.size), body }
  const { start, end } = body.range
  const part = { ...headers, 'content-range': `bytes ${start}-${end}/${body.size}` }
  return { status: 206, headers: lengthOf(part, end - start + 1), body }
}

function blobHeaders(blob: BlobStat, did: string, options: BlobServingOptions): Record<string, string> {
  const { maxAge = 300 } = options
  return {
    // Checked when it was written, and again here, because anyone who can write to the database could inject headers
    // with it.
    'content-type': parseMimeType(blob.mimeType) ?? octetStream,
    'accept-ranges': 'bytes',
    etag: etagOf(blob.cid),
    // A CID's bytes never change, but they may be taken down: so the time is short, never `immutable`, and stale copies
    // must not be served. Proxies must not compress or shrink the bytes, which must have this hash.
    'cache-control': `public, max-age=${maxAge}, must-revalidate, no-transform`,
    ...taggedAs(options, did, blob.cid),
  }
}

function lengthOf(headers: Record<string, string>, length: number): Record<string, string> {
  return { ...headers, 'content-length': String(length) }
}

/** Strong: the CID is the hash of the bytes. */
function etagOf(cid: BlobCid): string {
  return `"${cid}"`
}

function notModified({ 'content-type': _, ...headers }: Record<string, string>): Reply {
  return { status: 304, headers, body: null }
}

/** @throws 416 `InvalidRange` */
function rangeOf(header: string | null, size: number): ByteRange | undefined {
  const range = chooseRange(header, size)
  if (range === 'whole') return undefined
  if (range !== 'unsatisfiable') return range
  throw new XrpcError(416, 'InvalidRange', 'The range lies outside the blob', { 'content-range': `bytes */${size}` })
}

// The longest header that is parsed; one range is shorter.
const maxLength = 128
const grammar = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i

/**
 * What a Range header requests. Several ranges, which could make a server send a small blob many times over, and
 * malformed ones (also reversed ones) get the whole blob, as RFC 9110 14.2 allows. So does an empty blob: it has no
 * valid range, and clients that always send `bytes=0-` should not fail.
 */
export function chooseRange(header: string | null, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  if (header === null || header.length > maxLength || size === 0) return 'whole'
  const match = grammar.exec(header)
  if (!match) return 'whole'
  const [, first = '', last = '', suffix = ''] = match
  if (suffix !== '') {
    const length = Math.min(Number(suffix), size) // a suffix longer than the blob is all of it
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last)
  if (end < start) return 'whole'
  return start < size ? { start, end: Math.min(end, size - 1) } : 'unsatisfiable'
}
