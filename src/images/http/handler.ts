import { noSuchMethod } from '../../http/answer.ts'
import { type BlobHandler, respond, toResponse } from '../../http/web.ts'
import type { ImageVariants } from '../image-variants.ts'
import { imageRoutes } from './get-image.ts'
import { checkServing, type ImageHandlerOptions, parseImageUrl } from './options.ts'

/**
 * The images as one function from Request to Response: `GET /img/<preset>/plain/<did>/<cid>[@jpeg|webp|avif]`, as at the
 * Bluesky CDN. Any other path is answered by 404. With the option `authorizeSpace`, `?space=at://…` asks for an image of a space. For Express, see {@link imageRouter}.
 *
 * @throws `InvalidArgument` for an invalid option
 * @example
 * ```ts
 * import { createImageHandler, type ImageVariants } from 'pds-blobstore/images'
 *
 * export const handlerOf = (images: ImageVariants) => createImageHandler(images, { maxAge: 3600 })
 * ```
 */
export function createImageHandler(images: ImageVariants, options: ImageHandlerOptions = {}): BlobHandler {
  checkServing('createImageHandler', images, options)
  const routeOf = imageRoutes(images, options)
  const serving = { ...options, authenticate: () => null }
  return async (request) => {
    const { pathname, search } = URL.parse(request.url) ?? { pathname: '', search: '' }
    const params = parseImageUrl(pathname, search)
    const route = params && routeOf(params)
    if (!route) return toResponse(noSuchMethod())
    return await respond(route, images.blobs, serving, request, new URLSearchParams(params))
  }
}
