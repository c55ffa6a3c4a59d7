import { type CidLike, parseBlobCid } from '../../blob/cid.ts'
import { assertDid } from '../../blob/identifiers.ts'
import { octetStream, parseMimeType } from '../../blob/mime.ts'
import { BlobStoreError } from '../../errors.ts'
import { assertOptions } from '../../options.ts'
import type { PresignBlobOptions, PresignedBlob } from '../calls.ts'
import type { StoreContext } from '../context.ts'
import { resolve } from './read.ts'

const longest = 60

export async function presign(
  store: StoreContext,
  did: string,
  cidLike: CidLike,
  options: PresignBlobOptions = {},
): Promise<PresignedBlob | null> {
  assertDid(did)
  assertOptions('presign', options, ['as', 'space', 'trx', 'signal', 'expiresIn'])
  const { expiresIn = longest, ...viewing } = options
  if (!Number.isSafeInteger(expiresIn) || expiresIn < 1 || expiresIn > longest) {
    throw new BlobStoreError('InvalidArgument', `presign: expiresIn is 1 to ${longest} seconds`)
  }
  const blob = await resolve(store, did, parseBlobCid(cidLike), viewing)
  if (!blob) return null
  const { key, backend: name, damaged, ...stat } = blob
  const backend = store.backends.of(name)
  // The mirror may have it, and this process sends it.
  if (!backend.presign || (damaged && store.backends.mirror)) return { ...stat, url: null }
  const url = await backend.presign(key, {
    expiresIn,
    // Parsed, as when this server sends it: anyone who can write to the database could inject headers with it.
    contentType: parseMimeType(stat.mimeType) ?? octetStream,
    contentDisposition: `attachment; filename="${stat.cid}"`,
    signal: options.signal,
  })
  return { ...stat, url }
}
