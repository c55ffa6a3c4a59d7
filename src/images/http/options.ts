import { cacheTagHeaders } from '../../http/cache-tags.ts'
import type { BlobRouterOptions } from '../../http/node/request.ts'
import { type BlobHandlerOptions, type BlobServingOptions, checkAuthorizeSpace } from '../../http/options.ts'
import { assertOneOf, assertOptions, assertWhole, invalidArgument } from '../../options.ts'
import type { ImageVariants } from '../image-variants.ts'

/** The options of the image handlers: those of the blob handlers that apply to images. */
export type ImageServingOptions = Pick<
  BlobServingOptions,
  'accountStatus' | 'cors' | 'cacheTags' | 'maxAge' | 'onError' | 'logger'
>

/** The options of {@link createImageHandler}. */
export interface ImageHandlerOptions extends ImageServingOptions {
  /**
   * As for the blobs of spaces: whether this request may see the account's images in the space, which the query names
   * (`?space=at://…`). Asked before anything is looked up. @default no image of a space is served: 404
   */
  authorizeSpace?: BlobHandlerOptions['authorizeSpace']
}

/** The options of {@link imageRouter}. */
export interface ImageRouterOptions extends ImageServingOptions {
  /** As for `createImageHandler`; `req` is the request of Express. @default images of spaces go on to `next` */
  authorizeSpace?: BlobRouterOptions['authorizeSpace']
}

/** @throws `InvalidArgument` for an invalid option */
export function checkServing(
  what: string,
  images: ImageVariants,
  options: ImageServingOptions & { authorizeSpace?: unknown },
): void {
  if (typeof images?.variant !== 'function') {
    throw invalidArgument(what, 'expected what createImageVariants returns')
  }
  assertOptions(what, options, [
    ...['accountStatus', 'authorizeSpace', 'cors', 'cacheTags', 'maxAge', 'onError', 'logger'],
  ])
  checkAuthorizeSpace(what, options)
  if (options.maxAge !== undefined) assertWhole(`${what}: maxAge`, options.maxAge, 0)
  assertOneOf(`${what}: cors`, options.cors, ['public', 'all', 'none'])
  assertOneOf(`${what}: cacheTags`, options.cacheTags, cacheTagHeaders)
}

/** The parameters in the address of an image. Not checked yet. */
export type ImageParams = Record<'preset' | 'did' | 'cid', string> & { format?: string; space?: string }

const grammar = /^\/img\/([^/]+)\/plain\/([^/]+)\/([^/@]+)(?:@([^/]*))?$/

/**
 * Parses `/img/<preset>/plain/<did>/<cid>[@<format>]`, and the space in the query; null for any other path. The rest of
 * the query is ignored.
 */
export function parseImageUrl(path: string, query: string): ImageParams | null {
  if (path.length > 8192) return null
  const [, preset, did, cid, format] = (grammar.exec(path) ?? []).map(decode)
  if (!preset || !did || !cid) return null
  const space = new URLSearchParams(query).get('space')
  return { preset, did, cid, ...(format === undefined ? {} : { format }), ...(space === null ? {} : { space }) }
}

/** Clients may escape the colons of a DID. */
function decode(segment: string | undefined): string | undefined {
  try {
    return segment && decodeURIComponent(segment)
  } catch {
    return segment
  }
}
