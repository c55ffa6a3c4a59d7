import type { IncomingMessage, ServerResponse } from 'node:http'
import { type NodeRequest, splitUrl } from '../../http/node/request.ts'
import { type BlobRouter, passOn, serve } from '../../http/node/router.ts'
import type { ImageVariants } from '../image-variants.ts'
import { imageRoute } from './get-image.ts'
import { checkServing, type ImageParams, type ImageServingOptions, parseImagePath } from './options.ts'

/**
 * The images as middleware for Express 5 and 4 and Connect or, without `next`, a listener of `node:http`. Mount it at
 * the root or at `/img`. It passes other paths to `next`.
 *
 * @throws `InvalidArgument` for an invalid option
 * @example
 * ```ts
 * import express from 'express'
 * import { type ImageVariants, imageRouter } from 'pds-blobstore/images'
 *
 * export const serverOf = (images: ImageVariants) => express().use(imageRouter(images))
 * ```
 */
export function imageRouter(images: ImageVariants, options: ImageServingOptions = {}): BlobRouter {
  checkServing('imageRouter', images, options)
  const route = imageRoute(images)
  const serving = { ...options, authenticate: () => null }
  return (request, response, next) => {
    const [req, res] = [request as IncomingMessage, response as ServerResponse] // as in `blobRouter`
    const params = paramsOf(req)
    if (params) {
      void serve(route, images.blobs, serving, req, res, new URLSearchParams(params))
    } else {
      passOn(res, next)
    }
  }
}

/** By the path below the mount point, or by the whole path if the router is mounted at `/img` itself. */
function paramsOf(req: NodeRequest): ImageParams | null {
  return parseImagePath(splitUrl(req.url ?? '').path) ?? parseImagePath(splitUrl(req.originalUrl ?? '').path)
}
