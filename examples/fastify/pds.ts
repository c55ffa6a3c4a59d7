import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { BlobStore } from 'pds-blobstore'
import { blobRouter, checkContinue } from 'pds-blobstore/express'

/**
 * The blob routes on Fastify: they use Node's own request and response, without web streams in between. `didOf` is the
 * host's own session check.
 */
export function pdsOn(blobs: BlobStore, didOf: (authorization: string | undefined) => string | null): FastifyInstance {
  const app = Fastify({ requestTimeout: blobs.times.upload, keepAliveTimeout: 125_000 })
  app.server.on('checkContinue', checkContinue)
  const router = blobRouter(blobs, {
    authenticate: ({ headers }) => {
      const did = didOf(headers.get('authorization') ?? undefined)
      return did === null ? null : { did }
    },
    onError: (error) => app.log.error(error),
  })

  // A separate context: body parsers do not run here.
  app.register(async (blobRoutes) => {
    blobRoutes.removeAllContentTypeParsers()
    blobRoutes.addContentTypeParser('*', (_request: FastifyRequest, _body: unknown, done: (error: null) => void) =>
      done(null),
    )
    for (const method of ['repo.uploadBlob', 'sync.getBlob', 'sync.listBlobs', 'repo.listMissingBlobs']) {
      blobRoutes.all(`/xrpc/com.atproto.${method}`, (request, reply) => {
        reply.hijack()
        router(request.raw, reply.raw)
      })
    }
  })
  return app
}
