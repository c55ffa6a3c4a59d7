import type { BlobCid } from '../blob/cid.ts'
import { BlobStoreError } from '../errors.ts'
import type { Redirect } from './options.ts'
import type { Reply } from './reply.ts'
import type { Call } from './request.ts'

/**
 * The response that redirects a client; null if only this server has the bytes. Caches must not keep it: the next
 * client may not see the blob.
 */
export async function redirectReply(call: Call, redirect: Redirect, did: string, cid: BlobCid): Promise<Reply | null> {
  const location = await (redirect.to === 'backend'
    ? addressInBackend(call, redirect.expiresIn, did, cid)
    : addressInCdn(call, redirect.url, did, cid))
  if (location === undefined) throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
  if (location === null) return null
  return { status: 302, headers: { location, 'cache-control': 'no-store', 'content-length': '0' }, body: null }
}

/** Undefined if the blob may not be seen. */
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
  throw new Error('redirect.url must return an http or https address')
}
