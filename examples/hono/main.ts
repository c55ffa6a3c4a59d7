import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'
import { checkContinue } from 'pds-blobstore/express'
import { shutDownOnSignals } from '../shutdown.ts'
import { pdsOn } from './pds.ts'

// npm run build && node examples/hono/main.ts: it has one account, did:plc:alice, whose token is `secret`.

const backend = new DiskBackend({ root: 'data/blobs' })
const blobs = createBlobStore({ backend, metadata: sqliteMetadata('data/blobs.sqlite'), logger: console })
await blobs.ready()

const didOf = (authorization: string | undefined) => (authorization === 'Bearer secret' ? 'did:plc:alice' : null)
const { fetch } = pdsOn(blobs, didOf)
// requestTimeout: an upload may take as long as the store allows. keepAliveTimeout: longer than that of any proxy.
const serverOptions = { requestTimeout: blobs.times.upload, keepAliveTimeout: 125_000 }
const server = serve({ fetch, port: Number(process.env.PORT ?? 2583), serverOptions }, ({ port }) => {
  console.log(`http://localhost:${port}`)
}) as Server
server.on('checkContinue', checkContinue)

shutDownOnSignals(server, blobs)
