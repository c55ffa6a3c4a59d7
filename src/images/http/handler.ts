import { noSuchMethod } from '../../http/answer.ts'
import { type BlobHandler, respond, toResponse } from '../../http/web.ts'
import type { ImageVariants } from '../image-variants.ts'
import { imageRoute } from './get-image.ts'
import { checkServing, type ImageServingOptions, parseImagePath } from './options.ts'

/**
 * The images as one function from Request to Response: `GET /img/<preset>/plain/<did>/<cid>[@jpeg|webp|avif]`, as in
 * the Bluesky CDN. Any other path is answered by 404. For Express, see {@link imageRouter}.
 *
 * @throws `InvalidArgument` for an invalid option
 * @example
 * ```ts
 * import { createImageHandler, type ImageVariants } from 'pds-blobstore/images'
 *
 * export const handlerOf = (images: ImageVariants) => createImageHandler(images, { maxAge: 3600 })
 * ```
 */
export function createImageHandler(images: ImageVariants, options: ImageServingOptions = {}): BlobHandler {
  checkServing('createImageHandler', images, options)
  const route = imageRoute(images)
  const serving = { ...options, authenticate: () => null }
  return async (request) => {
    const params = parseImagePath(URL.parse(request.url)?.pathname ?? '')
    if (!params) return toResponse(noSuchMethod())
    return await respond(route, images.blobs, serving, request, new URLSearchParams(params))
  }
}
