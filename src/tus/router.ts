import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlobStore } from '../blob-store.ts'
import { XrpcError } from '../http/errors.ts'
import { type BlobRouterOptions, type NodeRequest, splitUrl } from '../http/node/request.ts'
import { type BlobRouter, passOn, serve } from '../http/node/router.ts'
import type { Route } from '../http/request.ts'
import { extensions, version } from './headers.ts'
import { checkTusOptions, type TusRouterOptions } from './options.ts'
import { creation, upload } from './routes.ts'

/**
 * Resumable uploads over tus 1.0 (tus.io) as middleware for Express 5, Express 4, Connect and `node:http`. Uploads begin by
 * POST to `path`. When the last byte has arrived, the response has the blob's reference as JSON in the header
 * `Atproto-Blob`; later, HEAD and GET of the upload return it too, until the upload expires. Mount it before every body
 * parser, and at the root, or below a prefix.
 *
 * `Upload-Metadata` may contain `filetype` and `filename` (or `type` and `name`), and `cid`, which the bytes must then have.
 *
 * @throws `InvalidArgument` for an invalid option
 * @example
 * ```ts
 * import express from 'express'
 * import type { BlobStore } from 'pds-blobstore'
 * import { tusRouter } from 'pds-blobstore/tus'
 *
 * export const serverOf = (blobs: BlobStore, didOf: (token: string) => string | null) =>
 *   express().use(
 *     tusRouter(blobs, {
 *       path: '/upload',
 *       authenticate: (request) => {
 *         const did = didOf(request.headers.get('authorization') ?? '')
 *         return did === null ? null : { did }
 *       },
 *     }),
 *   )
 * ```
 */
export function tusRouter(blobs: BlobStore, options: TusRouterOptions): BlobRouter {
  checkTusOptions(options, blobs)
  const { path, cors = 'all', ...others } = options
  const serving: BlobRouterOptions = { ...others, cors }

  return (request, response, next) => {
    const [req, res] = [request as NodeRequest, response as ServerResponse]
    const target = targetOf(req, path)
    if (!target) {
      passOn(res, next)
      return
    }
    res.setHeader('tus-resumable', version)
    if (req.method === 'OPTIONS') {
      res.setHeader('tus-version', version)
      res.setHeader('tus-extension', extensions)
      res.setHeader('tus-max-size', String(blobs.limits.maxBlobSize))
    }
    const route = isBodyTaken(req) ? bodyTaken : target.route
    void serve(route, blobs, serving, req, res, new URLSearchParams(target.params))
  }
}

interface Target {
  route: Route
  params: Record<string, string>
}

/** By the path below the mount point, or by the whole one when the router is mounted at its own path. */
function targetOf(req: NodeRequest, path: string): Target | null {
  const whole = splitUrl(req.originalUrl ?? req.url ?? '').path.replace(/\/$/, '')
  for (const url of [req.url, req.originalUrl]) {
    const asked = splitUrl(url ?? '').path.replace(/\/$/, '')
    // Uploads are addressed as the client has addressed this: below the prefix at which the host has mounted it.
    if (asked === path) return { route: creation, params: { base: whole } }
    if (asked.startsWith(`${path}/`)) return { route: upload, params: { id: asked.slice(path.length + 1) } }
  }
  return null
}

/** Whether a body parser has begun to read the body. */
const isBodyTaken = (req: IncomingMessage): boolean =>
  (req.method === 'POST' || req.method === 'PATCH') && (req.readableDidRead || req.readableEnded)

const bodyTaken: Route = {
  ...upload,
  handle() {
    throw new XrpcError(
      500,
      'InternalServerError',
      'The body was read before the tus router could store it: mount tusRouter before express.json and other parsers',
    )
  },
}
