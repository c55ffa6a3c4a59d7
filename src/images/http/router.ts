import type { IncomingMessage, ServerResponse } from 'node:http'
import { type NodeRequest, splitUrl } from '../../http/node/request.ts'
import { type BlobRouter, passOn, serve } from '../../http/node/router.ts'
import type { ImageVariants } from '../image-variants.ts'
import { imageRoutes } from './get-image.ts'
import { checkServing, type ImageParams, type ImageRouterOptions, parseImageUrl } from './options.ts'

/**
 * The images as middleware of Express 5 and 4, Connect, or without `next` a listener of `node:http`. Mount it at the root
 * or at `/img`. What is not an image's path goes on to `next`. With the option `authorizeSpace`, `?space=at://…` asks for an
 * image of a space.
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
export function imageRouter(images: ImageVariants, options: ImageRouterOptions = {}): BlobRouter {
  checkServing('imageRouter', images, options)
  const routeOf = imageRoutes(images, options)
  const serving = { ...options, authenticate: () => null }
  return (request, response, next) => {
    const [req, res] = [request as IncomingMessage, response as ServerResponse] // as in `blobRouter`
    const params = paramsOf(req)
    const route = params && routeOf(params)
    if (route) {
      void serve(route, images.blobs, serving, req, res, new URLSearchParams(params))
    } else {
      passOn(res, next)
    }
  }
}

/** By the path below the mount point, or by the whole path if the router is mounted at `/img` itself. */
function paramsOf(req: NodeRequest): ImageParams | null {
  const [below, whole] = [splitUrl(req.url ?? ''), splitUrl(req.originalUrl ?? '')]
  return parseImageUrl(below.path, below.query) ?? parseImageUrl(whole.path, whole.query)
}
