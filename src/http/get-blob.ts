import type { BlobCid } from '../blob/cid.ts'
import { octetStream, parseMimeType } from '../blob/mime.ts'
import type { SpaceUri } from '../blob/spaces.ts'
import { BlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/types.ts'
import { assertServed } from './account.ts'
import { privateCaching, publicCaching } from './caching.ts'
import { failsMatch, isConditional, isNotModified, rangeHolds } from './conditions.ts'
import { XrpcError } from './errors.ts'
import { fileHeader } from './file-redirect.ts'
import type { Redirect } from './options.ts'
import { cidParam, didParam } from './params.ts'
import { rangeOf } from './range.ts'
import { redirectReply } from './redirect.ts'
import type { Reply } from './reply.ts'
import type { Call } from './request.ts'
import { admitted } from './space-access.ts'

/** com.atproto.sync.getBlob: returns the bytes as uploaded, to anyone. */
export async function getBlob(call: Call): Promise<Reply> {
  const { options, request } = call
  const did = didParam(request)
  const cid = cidParam(request)
  await assertServed(options, did)
  return await replyWith(call, { did, cid, redirect: options.redirect, shared: publicCaching(options, did, cid) })
}

/**
 * com.atproto.space.getBlob: returns a blob that the account's records in one space reference, to requests that the
 * host admits.
 */
export async function getSpaceBlob(call: Call): Promise<Reply> {
  const { options, request } = call
  const cid = cidParam(request)
  const { space, repo } = await admitted(call, didParam(request, 'repo'))
  return await replyWith(call, { did: repo, cid, space, redirect: options.redirectSpace, shared: privateCaching })
}

/** The requested blob, through public records or through those in a space. */
interface Asked {
  did: string
  cid: BlobCid
  space?: SpaceUri
  redirect: Redirect | undefined
  /** The headers of all responses with the blob. */
  shared: Readonly<Record<string, string>>
}

async function replyWith(call: Call, { did, cid, space, redirect, shared }: Asked): Promise<Reply> {
  const { blobs, options, request } = call
  const { signal } = request
  const { verify } = options
  // The tag is the CID, so conditions need no row. Whether the blob may be seen is checked before them: what was taken
  // down is not "not modified", it is gone.
  const etag = etagOf(cid)
  const [fails, unchanged] = [failsMatch(request, etag), isNotModified(request, etag)]
  if (fails || unchanged || request.method === 'HEAD') {
    const blob = await blobs.stat(did, cid, { space, signal })
    if (!blob) throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
    if (fails) throw new XrpcError(412, 'PreconditionFailed', 'The blob is not the one of If-Match')
    const headers = blobHeaders(blob, shared)
    return unchanged ? notModified(headers) : { status: 200, headers: lengthOf(headers, blob.size), body: null }
  }

  const header = rangeHolds(request, etag) ? request.header('range') : null
  const range = (size: number) => rangeOf(header, size)
  if (redirect && redirect.to !== 'file') {
    const elsewhere = await redirectReply(call, redirect, { did, cid, space }, ({ size }) => range(size))
    if (elsewhere) return elsewhere
  }
  const body = await blobs.read(did, cid, { space, range, signal, verify })
  const headers = blobHeaders(body, shared)
  if (redirect?.to === 'file' && !isConditional(request)) {
    const file = fileHeader(redirect, body)
    if (file) {
      await body.chunks.return?.()
      const { 'accept-ranges': _, ...others } = headers // which the proxy adds, and answers ranges itself
      return { status: 200, headers: { ...others, ...file }, body: null }
    }
  }
  if (!body.range) return { status: 200, headers: lengthOf(headers, body.size), body }
  const { start, end } = body.range
  const part = { ...headers, 'content-range': `bytes ${start}-${end}/${body.size}` }
  return { status: 206, headers: lengthOf(part, end - start + 1), body }
}

function blobHeaders(blob: BlobStat, shared: Readonly<Record<string, string>>): Record<string, string> {
  return {
    // Checked when it was written, and again here, because anyone who can write to the database could inject headers
    // with it.
    'content-type': parseMimeType(blob.mimeType) ?? octetStream,
    'accept-ranges': 'bytes',
    etag: etagOf(blob.cid),
    ...shared,
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
