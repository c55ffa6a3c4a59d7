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

/** com.atproto.sync.getBlob: the bytes as uploaded, to anyone. */
export async function getBlob(call: Call): Promise<Reply> {
  const { blobs, options, request } = call
  const did = didParam(request)
  const cid = cidParam(request)
  const { signal } = request
  const { verify, redirect } = options
  await assertServed(options, did)

  // The tag is the CID, so conditions are decided without the row. Whether the blob may be seen is answered before them:
  // what was taken down is not "not modified", it is gone.
  const etag = etagOf(cid)
  const [fails, unchanged] = [failsMatch(request, etag), isNotModified(request, etag)]
  if (fails || unchanged || request.method === 'HEAD') {
    const blob = await blobs.stat(did, cid, { signal })
    if (!blob) throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
    if (fails) throw new XrpcError(412, 'PreconditionFailed', 'The blob is not the one of If-Match')
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
    // Checked when it was written; and again, since anyone who can write to the database could inject headers by it.
    'content-type': parseMimeType(blob.mimeType) ?? octetStream,
    'accept-ranges': 'bytes',
    etag: etagOf(blob.cid),
    // A CID's bytes never change, but they may be taken down: hence short, never `immutable`, not to be served stale.
    // And nobody may compress or shrink on the way what must have this hash.
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

// One range. Longer than any that can be meant is not looked at.
const maxLength = 128
const grammar = /^bytes=[ \t]*(?:(\d+)-(\d*)|-(\d+))[ \t]*$/i

/**
 * What a Range header asks for. Several ranges, which are a way to make a server send a small blob many times over,
 * and whatever is malformed (a reversed range too) get the whole blob, as RFC 9110 14.2 allows and asks. So does an
 * empty blob: no range of it can be written down, and clients that send `bytes=0-` with everything should not fail.
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
