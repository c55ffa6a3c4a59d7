import { cacheTagHeaders } from '../../http/cache-tags.ts'
import type { BlobServingOptions } from '../../http/options.ts'
import { assertOneOf, assertOptions, assertWhole, invalidArgument } from '../../options.ts'
import type { ImageVariants } from '../image-variants.ts'

/** The options of the image handlers: those of the blob handlers that apply to images. */
export type ImageServingOptions = Pick<
  BlobServingOptions,
  'accountStatus' | 'cors' | 'cacheTags' | 'maxAge' | 'onError' | 'logger'
>

/** @throws `InvalidArgument` for an invalid option */
export function checkServing(what: string, images: ImageVariants, options: ImageServingOptions): void {
  if (typeof images?.variant !== 'function') {
    throw invalidArgument(what, 'expected what createImageVariants returns')
  }
  assertOptions(what, options, ['accountStatus', 'cors', 'cacheTags', 'maxAge', 'onError', 'logger'])
  if (options.maxAge !== undefined) assertWhole(`${what}: maxAge`, options.maxAge, 0)
  assertOneOf(`${what}: cors`, options.cors, ['public', 'all', 'none'])
  assertOneOf(`${what}: cacheTags`, options.cacheTags, cacheTagHeaders)
}

/** The parameters in an image's path, not checked yet. */
export type ImageParams = Record<'preset' | 'did' | 'cid', string> & { format?: string }

const grammar = /^\/img\/([^/]+)\/plain\/([^/]+)\/([^/@]+)(?:@([^/]*))?$/

/** Parses `/img/<preset>/plain/<did>/<cid>[@<format>]`; null for any other path. */
export function parseImagePath(path: string): ImageParams | null {
  if (path.length > 8192) return null
  const [, preset, did, cid, format] = (grammar.exec(path) ?? []).map(decode)
  if (!preset || !did || !cid) return null
  return format === undefined ? { preset, did, cid } : { preset, did, cid, format }
}

/** Clients may escape the colons of a DID. */
function decode(segment: string | undefined): string | undefined {
  try {
    return segment && decodeURIComponent(segment)
  } catch {
    return segment
  }
}
