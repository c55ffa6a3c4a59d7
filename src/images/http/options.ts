import { BlobStoreError } from '../../errors.ts'
import { cacheTagHeaders } from '../../http/cache-tags.ts'
import type { BlobServingOptions } from '../../http/options.ts'
import { assertOneOf, assertOptions, assertWhole } from '../../options.ts'
import type { ImageVariants } from '../image-variants.ts'

/** What the host gives to the handlers of images: of what the blobs' handlers have, what concerns them. */
export type ImageServingOptions = Pick<
  BlobServingOptions,
  'accountStatus' | 'cors' | 'cacheTags' | 'maxAge' | 'onError' | 'logger'
>

/** @throws `InvalidArgument` for an option that cannot be meant */
export function checkServing(what: string, images: ImageVariants, options: ImageServingOptions): void {
  if (typeof images?.variant !== 'function') {
    throw new BlobStoreError('InvalidArgument', `${what}: expected what createImageVariants gives`)
  }
  assertOptions(what, options, ['accountStatus', 'cors', 'cacheTags', 'maxAge', 'onError', 'logger'])
  if (options.maxAge !== undefined) assertWhole(`${what}: maxAge`, options.maxAge, 0)
  assertOneOf(`${what}: cors`, options.cors, ['public', 'all', 'none'])
  assertOneOf(`${what}: cacheTags`, options.cacheTags, cacheTagHeaders)
}
