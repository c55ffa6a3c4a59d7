import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import express from 'express'
import type { Kysely } from 'kysely'
import {
  type BlobStore,
  type BlobStoreLimits,
  type BlobStoreOptions,
  type BlobStoreTimes,
  createBlobStore,
  DiskBackend,
  kyselyMetadata,
} from 'pds-blobstore'
import { blobRouter, checkContinue, XrpcError } from 'pds-blobstore/express'
import { createImageVariants, type ImageVariants, imageRouter } from 'pds-blobstore/images'
import { tusRouter } from 'pds-blobstore/tus'
import { isEnding } from '../shutdown.ts'
import { accountRoutes } from './accounts.ts'
import { adminGuard, adminRoutes } from './admin.ts'
import { openDatabase, type Tables } from './database.ts'
import { overviewRoutes } from './overview.ts'
import { pageRoutes } from './page.ts'
import { repoRoutes } from './repo.ts'
import { Sessions } from './sessions.ts'
import { spaceGuard } from './space-guard.ts'
import { spaceRoutes } from './spaces.ts'
import { errorHandler } from './xrpc.ts'

export interface PdsOptions {
  /** A folder for this PDS alone, for the database and the blobs. */
  dir: string
  port: number
  adminPassword: string
  limits?: BlobStoreLimits
  times?: BlobStoreTimes
  /** What else the store is to do. */
  store?: Pick<BlobStoreOptions, 'mirror' | 'privacy'>
}

export interface Pds {
  url: string
  blobs: BlobStore
  db: Kysely<Tables>
  server: Server
  /** Cuts the running requests. `main.ts` lets them end. */
  close(): Promise<void>
}

/** A small PDS: one SQLite database, one folder of blobs, one of thumbnails, no other servers around it. */
export async function startPds({ dir, port, adminPassword, limits = {}, times = {}, store }: PdsOptions): Promise<Pds> {
  await mkdir(dir, { recursive: true })
  const db = await openDatabase(join(dir, 'pds.sqlite'))
  const blobs = createBlobStore({
    backend: new DiskBackend({ root: join(dir, 'blobs') }),
    metadata: kyselyMetadata(db),
    limits,
    times,
    hooks: { onInaccessible: (event) => images.forget(event) },
    logger: console,
    ...store,
  })
  await blobs.ready()
  const images: ImageVariants = createImageVariants({
    blobs,
    cache: new DiskBackend({ root: join(dir, 'variants'), durability: 'relaxed' }),
    logger: console,
  })
  await images.ready()

  const sessions = new Sessions(db)
  const context = { db, blobs, sessions, requireAdmin: adminGuard(adminPassword) }
  const authorizeSpace = spaceGuard(context)

  const app = express().disable('x-powered-by')
  app.get('/xrpc/_health', (_req, res) => void res.sendStatus(isEnding() ? 503 : 200))
  // Before express.json(), which would read the body of an upload.
  app.use(blobRouter(blobs, { authenticate, accountStatus, authorizeSpace, onError: console.error }))
  app.use(tusRouter(blobs, { path: '/upload', authenticate, onError: console.error }))
  app.use(imageRouter(images, { accountStatus, authorizeSpace, onError: console.error }))
  app.use(express.json({ limit: '1mb' }))
  app.use('/xrpc', accountRoutes(context), repoRoutes(context), spaceRoutes(context), adminRoutes(context))
  app.use('/xrpc', overviewRoutes(context))
  app.use(pageRoutes())
  app.use((req) => {
    throw new XrpcError(501, 'MethodNotImplemented', `No ${req.path} here`)
  })
  app.use(errorHandler)

  // An upload may take as long as the store allows; Node's own limit is 5 minutes. And a proxy must close its idle
  // connections itself (Caddy: after 2 minutes): Node's 5 s would cut a request that is just being sent.
  const server = createServer({ requestTimeout: blobs.times.upload, keepAliveTimeout: 125_000 }, app)
  server.on('checkContinue', checkContinue).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }

  /** A password may upload all that the store takes. With OAuth: { did, grants: blobGrants(token.scope) }. */
  async function authenticate({ headers }: globalThis.Request): Promise<{ did: string }> {
    return { did: await sessions.authenticate(headers.get('authorization')) }
  }

  async function accountStatus(did: string): Promise<'active' | null> {
    const account = await db.selectFrom('account').select('did').where('did', '=', did).executeTakeFirst()
    return account ? 'active' : null
  }

  return {
    url: `http://127.0.0.1:${address.port}`,
    blobs,
    db,
    server,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await images.close()
      await blobs.close()
      await db.destroy()
    },
  }
}
