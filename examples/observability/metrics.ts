import { createServer, type Server } from 'node:http'
import type { BlobStore } from 'pds-blobstore'
import { metricsOf } from 'pds-blobstore/metrics'

/**
 * Answers `/metrics` for Prometheus and `/healthz` for a load balancer, on a port of its own that only they can reach.
 * Close it before the store.
 */
export function serveNumbers(blobs: BlobStore): Server {
  const metrics = metricsOf(blobs)
  const server = createServer(async (request, response) => {
    if (request.url === '/metrics') {
      const answer = await metrics.handler()
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text())
    } else if (request.url === '/healthz') {
      const health = await blobs.health().catch((error: Error) => ({ ok: false, error: error.message }))
      response.writeHead(health.ok ? 200 : 503, { 'content-type': 'application/json' }).end(JSON.stringify(health))
    } else response.writeHead(404).end()
  })
  server.on('close', () => metrics.stop())
  return server
}
