import type { BlobCid } from '../../blob/cid.ts'
import { BlobStoreError } from '../../errors.ts'
import { assertServed } from '../../http/account.ts'
import { taggedAs } from '../../http/cache-tags.ts'
import { isNotModified } from '../../http/conditions.ts'
import { cidParam, didParam } from '../../http/params.ts'
import type { Reply } from '../../http/reply.ts'
import type { Call, Route } from '../../http/request.ts'
import { Reading } from '../../store/read/reading.ts'
import type { ImageVariants } from '../image-variants.ts'
import { recipeId, recipeOf } from '../presets.ts'

/** The route of the images, as an XRPC method whose parameters are in its path. */
export function imageRoute(images: ImageVariants): Route {
  return {
    nsid: 'img',
    methods: ['GET', 'HEAD'],
    public: true,
    file: true,
    handle: (call) => getImage(images, call),
  }
}

async function getImage(images: ImageVariants, { blobs, options, request }: Call): Promise<Reply> {
  const did = didParam(request)
  const cid = cidParam(request)
  const { signal, query } = request
  const preset = query.get('preset') ?? ''
  const recipe = recipeOf(images.presets, preset, query.get('format') ?? undefined)
  await assertServed(options, did)

  const { maxAge = 300 } = options
  const headers = {
    etag: etagOf(cid, recipeId(recipe)),
    // Short, as for the blob, which may be taken down.
    'cache-control': `public, max-age=${maxAge}, must-revalidate, no-transform`,
    ...taggedAs(options, did, cid), // the blob's tags, so that its purge covers the variant
  }
  if (isNotModified(request, headers.etag)) {
    if (await blobs.stat(did, cid, { signal })) return { status: 304, headers, body: null }
    throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
  }
  const { blob, mimeType, bytes } = await images.variant(did, cid, preset, { format: recipe.format, signal })
  const size = bytes.byteLength
  const about = { ...headers, 'content-type': mimeType, 'content-length': String(size) }
  if (request.method === 'HEAD') return { status: 200, headers: about, body: null }
  // As a reading, so that a client that stops reading is disconnected as for a blob.
  const body = new Reading({ ...blob, mimeType, size }, undefined, once(bytes), blobs.times.idle)
  return { status: 200, headers: about, body }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Weak: another version of an encoder writes other bytes of the same picture. */
function etagOf(cid: BlobCid, recipe: string): string {
  return `W/"${cid}.${recipe}"`
}
