import { pipeline } from 'node:stream/promises'
import { Router } from 'express'
import type { BlobStat } from 'pds-blobstore'
import { XrpcError } from 'pds-blobstore/express'
import type { Context } from './xrpc.ts'
import { text } from './xrpc.ts'

/** com.example.blobs.*: what the page shows and the Lexicons of Bluesky have no method for. */
export function overviewRoutes({ db, blobs, sessions, requireAdmin }: Context): Router {
  const router = Router()

  /** Everything that an account has, newest first, including what no record references yet. */
  router.get('/com.example.blobs.mine', async (req, res) => {
    const did = await sessions.authenticate(req.headers.authorization)
    const { quota, maxBlobSize, accept } = blobs.limits
    const [{ items, cursor }, usage] = await Promise.all([
      blobs.listAll(did, { limit: 100, cursor: text(req.query, 'cursor', '') || undefined }),
      blobs.usage(did),
    ])
    const limits = { maxBlobSize, accept, quota: typeof quota === 'function' ? await quota(did) : quota }
    res.json({ blobs: await Promise.all(items.map(toJson(did))), cursor, usage, limits })
  })

  /** The same for all accounts, for moderators. A PDS with many accounts would need pages here. */
  router.get('/com.example.blobs.all', async (req, res) => {
    requireAdmin(req)
    const accounts = await db.selectFrom('account').select(['did', 'handle']).execute()
    const lists = await Promise.all(
      accounts.map(async ({ did, handle }) => {
        const { items } = await blobs.listAll(did, { limit: 100 })
        return await Promise.all(items.map(async (blob) => ({ ...(await toJson(did)(blob)), handle })))
      }),
    )
    res.json({ blobs: lists.flat(), totals: await blobs.stats() })
  })

  /** Which records name a blob. For its account alone, and moderators: records in spaces are among them. */
  router.get('/com.example.blobs.records', async (req, res) => {
    const did = text(req.query, 'did')
    if (req.headers.authorization?.startsWith('Basic ')) requireAdmin(req)
    else if (did !== (await sessions.authenticate(req.headers.authorization))) {
      throw new XrpcError(403, 'Forbidden', 'Not your repository')
    }
    res.json({ uris: await blobs.recordsFor(did, text(req.query, 'cid')) })
  })

  /** One's own blob, also one that no record names yet: for a preview. With the headers that getBlob has. */
  router.get('/com.example.blobs.preview', async (req, res) => {
    const did = await sessions.authenticate(req.headers.authorization)
    const blob = await blobs.read(did, text(req.query, 'cid'), { as: 'account' })
    res.set({
      'content-type': blob.mimeType,
      'content-length': String(blob.size),
      'cache-control': 'private, no-cache',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'content-disposition': `attachment; filename="${blob.cid}"`,
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    await pipeline(blob.body, res).catch(() => res.destroy()) // the client has left, or the bytes cannot be read
  })

  /** What the janitor does every few minutes, and daily: here at once, and with its reports. */
  router.post('/com.example.blobs.collect', async (req, res) => {
    requireAdmin(req)
    const sweep = await blobs.sweep()
    const collect = await blobs.collect()
    res.json({ collect, sweep, times: blobs.times })
  })

  return router

  function toJson(did: string) {
    return async (blob: BlobStat) => {
      const isPublic = (await blobs.stat(did, blob.cid)) !== null
      return { ...blob, did, cid: String(blob.cid), isPublic }
    }
  }
}
