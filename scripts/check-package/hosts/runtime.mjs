import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBlobStore, DiskBackend, sqliteMetadata } from 'pds-blobstore'
import { blobRouter } from 'pds-blobstore/express'
import { createBlobHandler } from 'pds-blobstore/http'
import { limits, options, tryBlobs } from './try-blobs.mjs'

// A small PDS on Bun or Deno: with its own server, and with Node's.

const { Bun, Deno } = globalThis
const root = await mkdtemp(join(tmpdir(), 'pds-blobstore-runtime-'))
const backend = new DiskBackend({ root: join(root, 'blobs') })
const blobs = createBlobStore({ backend, metadata: sqliteMetadata(join(root, 'blobs.sqlite')), limits })
try {
  const server = createServer(blobRouter(blobs, options)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await tryBlobs('node:http', blobs, server.address().port)
  server.close()
  server.closeAllConnections() // Deno keeps one open, and runs for ever, if its answer has just been read
  const own = { port: 0, hostname: '127.0.0.1' }
  const handle = createBlobHandler(blobs, options)
  if (Bun) {
    const server = Bun.serve({ ...own, fetch: handle })
    await tryBlobs('Bun.serve', blobs, server.port)
    await server.stop(true)
  }
  if (Deno) {
    const server = Deno.serve({ ...own, onListen() {} }, handle)
    await tryBlobs('Deno.serve', blobs, server.addr.port)
    await server.shutdown()
  }
  await blobs.backup(join(root, 'copy.sqlite'))
} finally {
  await blobs.close()
  await rm(root, { recursive: true })
}
