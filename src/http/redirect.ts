import type { BlobCid } from '../blob/cid.ts'
import type { BlobStore } from '../blob-store.ts'
import { BlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/facts.ts'
import { assertOptions, assertWhole } from '../options.ts'
import type { Reply } from './reply.ts'
import type { Call } from './routes.ts'

/**
 * Where getBlob sends clients instead of sending the bytes. Whether the blob may be seen is checked first, each time.
 *
 * `backend`: to an address in the backend (S3) that is valid for `expiresIn` seconds, 1 to 60. The answer there has the
 * blob's type and `Content-Disposition: attachment`, but none of the other security headers. A blob whose backend has no
 * addresses is served from here. All accounts that have the same bytes are sent to one object: its key and its age tell
 * an account whether others had them before it.
 *
 * `cdn`: to an address that the host makes. What a CDN holds is no longer checked, so the store must have the hook
 * `onInaccessible`, which purges it; and the CDN must add the security headers, which only the host can know.
 */
export type Redirect =
  | { to: 'backend'; expiresIn?: number | undefined }
  | { to: 'cdn'; url: (blob: BlobStat & { did: string }) => string; addsSecurityHeaders: true }

/** @throws `InvalidArgument` */
export function checkRedirect(what: string, redirect: Redirect, blobs: BlobStore): void {
  if (redirect?.to === 'backend') {
    assertOptions(`${what}: redirect`, redirect, ['to', 'expiresIn'])
    const { expiresIn = 60 } = redirect
    assertWhole(`${what}: redirect.expiresIn`, expiresIn, 1)
    if (expiresIn > 60) throw invalid(`${what}: redirect.expiresIn is 60 seconds at most`)
    return
  }
  if (redirect?.to !== 'cdn') throw invalid(`${what}: redirect.to is "backend" or "cdn"`)
  assertOptions(`${what}: redirect`, redirect, ['to', 'url', 'addsSecurityHeaders'])
  if (typeof redirect.url !== 'function') throw invalid(`${what}: redirect.url is missing, a function`)
  if (redirect.addsSecurityHeaders !== true) {
    throw invalid(
      `${what}: a CDN must add the security headers of docs/http.md; confirm it by addsSecurityHeaders: true`,
    )
  }
  if (typeof blobs.hooks?.onInaccessible !== 'function') {
    throw invalid(`${what}: a CDN must be purged of what is taken down; give the store the hook onInaccessible`)
  }
}

/**
 * The answer that sends a client on; null when the bytes are to be had here only. Not to be kept by caches: the next who
 * asks may not see the blob.
 */
export async function redirectReply(call: Call, redirect: Redirect, did: string, cid: BlobCid): Promise<Reply | null> {
  const location = await (redirect.to === 'backend'
    ? addressInBackend(call, redirect.expiresIn, did, cid)
    : addressInCdn(call, redirect.url, did, cid))
  if (location === undefined) throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
  if (location === null) return null
  return { status: 302, headers: { location, 'cache-control': 'no-store', 'content-length': '0' }, body: null }
}

/** Undefined when the blob may not be seen. */
async function addressInBackend(
  { blobs, request: { signal } }: Call,
  expiresIn: number | undefined,
  did: string,
  cid: BlobCid,
): Promise<string | null | undefined> {
  return (await blobs.presign(did, cid, { expiresIn, signal }))?.url
}

async function addressInCdn(
  { blobs, request: { signal } }: Call,
  url: Extract<Redirect, { to: 'cdn' }>['url'],
  did: string,
  cid: BlobCid,
): Promise<string | undefined> {
  const blob = await blobs.stat(did, cid, { signal })
  if (!blob) return undefined
  const address = URL.parse(url({ ...blob, did }))
  if (address?.protocol === 'https:' || address?.protocol === 'http:') return address.href
  throw new Error('redirect.url must give an http or https address')
}

function invalid(message: string): BlobStoreError {
  return new BlobStoreError('InvalidArgument', message)
}
