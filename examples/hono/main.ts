import { serve } from '@hono/node-server'
import { createBlobStore, DiskBackend, sqliteMetadata, startJanitor } from 'pds-blobstore'
import { pdsOn } from './pds.ts'

// npm run build && node examples/hono/main.ts: it knows one account, did:plc:alice, whose token is `secret`.

const backend = new DiskBackend({ root: 'data/blobs' })
const blobs = createBlobStore({ backend, metadata: sqliteMetadata('data/blobs.sqlite') })
await blobs.ready()
const janitor = startJanitor(blobs, { logger: console })

const didOf = (authorization: string | undefined) => (authorization === 'Bearer secret' ? 'did:plc:alice' : null)
const server = serve({ fetch: pdsOn(blobs, didOf).fetch, port: Number(process.env.PORT ?? 2583) }, ({ port }) => {
  console.log(`http://localhost:${port}`)
})

process.once('SIGTERM', stop).once('SIGINT', stop)

/** In this order: nothing new, nothing in the background, the store. */
async function stop(): Promise<void> {
  await new Promise((resolve) => server.close(resolve))
  await janitor.stop()
  await blobs.close()
}
