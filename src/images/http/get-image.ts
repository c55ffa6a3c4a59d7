import type { BlobCid } from '../../blob/cid.ts'
import type { SpaceUri } from '../../blob/spaces.ts'
import { BlobStoreError } from '../../errors.ts'
import { assertServed } from '../../http/account.ts'
import { privateCaching, publicCaching } from '../../http/caching.ts'
import { isNotModified } from '../../http/conditions.ts'
import { cidParam, didParam } from '../../http/params.ts'
import type { Reply } from '../../http/reply.ts'
import type { BlobRequest, Call, Route } from '../../http/request.ts'
import { isServed } from '../../http/routes.ts'
import { admitted } from '../../http/space-access.ts'
import { Reading } from '../../store/read/reading.ts'
import type { ImageVariants } from '../image-variants.ts'
import { type Recipe, recipeId, recipeOf } from '../presets.ts'
import type { ImageParams } from './options.ts'

/** Chooses the route of an image: none for an image of a space if the host has no `authorizeSpace`. */
export function imageRoutes(
  images: ImageVariants,
  options: { authorizeSpace?: unknown },
): (params: ImageParams) => Route | undefined {
  const [open, ofSpace] = [imageRoute(images), spaceImageRoute(images)]
  return ({ space }) => {
    const route = space === undefined ? open : ofSpace
    return isServed(route, options) ? route : undefined
  }
}

/** The route of the images, as an XRPC method whose parameters are in its path. */
function imageRoute(images: ImageVariants): Route {
  return {
    nsid: 'img',
    methods: ['GET', 'HEAD'],
    public: true,
    file: true,
    async handle(call) {
      const { options, request } = call
      const did = didParam(request)
      const cid = cidParam(request)
      const recipe = recipeParam(images, request)
      await assertServed(options, did)
      // With the tags of the blob, so that purging the blob from caches removes this too.
      return await replyWith(images, call, { did, cid, recipe, shared: publicCaching(options, did, cid) })
    },
  }
}

/** The same for the images of a space, which the query names. */
function spaceImageRoute(images: ImageVariants): Route {
  return {
    nsid: 'img',
    methods: ['GET', 'HEAD'],
    public: false,
    space: true,
    file: true,
    async handle(call) {
      const { request } = call
      const cid = cidParam(request)
      const recipe = recipeParam(images, request)
      const { space, repo } = await admitted(call, didParam(request))
      return await replyWith(images, call, { did: repo, cid, space, recipe, shared: privateCaching })
    },
  }
}

function recipeParam(images: ImageVariants, { query }: BlobRequest): Recipe {
  return recipeOf(images.presets, query.get('preset') ?? '', query.get('format') ?? undefined)
}

interface Asked {
  did: string
  cid: BlobCid
  space?: SpaceUri
  recipe: Recipe
  /** The headers of all responses with the image. */
  shared: Readonly<Record<string, string>>
}

async function replyWith(
  images: ImageVariants,
  { blobs, request }: Call,
  { did, cid, space, recipe, shared }: Asked,
): Promise<Reply> {
  const { signal, query } = request
  const headers = { etag: etagOf(cid, recipeId(recipe)), ...shared }
  if (isNotModified(request, headers.etag)) {
    if (await blobs.stat(did, cid, { space, signal })) return { status: 304, headers, body: null }
    throw new BlobStoreError('BlobNotFound', 'Blob not found', { cid, did })
  }
  const { blob, mimeType, bytes } = await images.variant(did, cid, query.get('preset') ?? '', {
    format: recipe.format,
    space,
    signal,
  })
  const size = bytes.byteLength
  const about = { ...headers, 'content-type': mimeType, 'content-length': String(size) }
  if (request.method === 'HEAD') return { status: 200, headers: about, body: null }
  // As a reading, so that a client that stops reading is disconnected as for a blob.
  const body = new Reading({ ...blob, mimeType, size }, undefined, { body: once(bytes) }, blobs.times.idle)
  return { status: 200, headers: about, body }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Weak: another version of an encoder writes other bytes of the same picture. */
function etagOf(cid: BlobCid, recipe: string): string {
  return `W/"${cid}.${recipe}"`
}
