import type { BlobCid } from '../blob/cid.ts'
import type { SpaceUri } from '../blob/spaces.ts'
import { BlobStoreError } from '../errors.ts'
import type { BlobStat } from '../metadata/types.ts'
import type { FileRedirect, Redirect } from './options.ts'
import type { Reply } from './reply.ts'
import type { Call } from './request.ts'

/** The requested blob, through public records or through those in a space. */
interface Asked {
  did: string
  cid: BlobCid
  space: SpaceUri | undefined
}

interface Address {
  blob: BlobStat
  /** Null if only this server has the bytes. */
  url: string | null
}

/**
 * The response that redirects a client; null if only this server has the bytes. Caches must not keep it: the next
 * client may not see the blob. `check` throws if the request asks for what the blob does not have.
 */
export async function redirectReply(
  call: Call,
  redirect: Exclude<Redirect, FileRedirect>,
  asked: Asked,
  check: (blob: BlobStat) => void,
): Promise<Reply | null> {
  const address = await (redirect.to === 'backend'
    ? addressInBackend(call, redirect.expiresIn, asked)
    : addressInCdn(call, redirect.url, asked))
  if (address === null) {
    const { did, cid } = asked
    throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
  }
  check(address.blob)
  if (address.url === null) return null
  return {
    status: 302,
    headers: { location: address.url, 'cache-control': 'no-store', 'content-length': '0' },
    body: null,
  }
}

/** Null if the blob may not be seen. */
async function addressInBackend(
  { blobs, request: { signal } }: Call,
  expiresIn: number | undefined,
  { did, cid, space }: Asked,
): Promise<Address | null> {
  const blob = await blobs.presign(did, cid, { space, expiresIn, signal })
  return blob && { blob, url: blob.url }
}

async function addressInCdn(
  { blobs, request: { signal } }: Call,
  url: Extract<Redirect, { to: 'cdn' }>['url'],
  { did, cid, space }: Asked,
): Promise<Address | null> {
  const blob = await blobs.stat(did, cid, { space, signal })
  if (!blob) return null
  const address = URL.parse(url(space === undefined ? { ...blob, did } : { ...blob, did, space }))
  if (address?.protocol === 'https:' || address?.protocol === 'http:') return { blob, url: address.href }
  throw new Error('redirect.url must return an http or https address')
}
