import { Router } from 'express'
import type { BlobStat } from 'pds-blobstore'
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
    res.json({ blobs: items.map(toJson(did)), cursor, usage, limits })
  })

  /** The same for all accounts, for moderators. A PDS with many accounts would need pages here. */
  router.get('/com.example.blobs.all', async (req, res) => {
    requireAdmin(req)
    const accounts = await db.selectFrom('account').select(['did', 'handle']).execute()
    const lists = await Promise.all(
      accounts.map(async ({ did, handle }) =>
        (await blobs.listAll(did, { limit: 100 })).items.map((blob) => ({ ...toJson(did)(blob), handle })),
      ),
    )
    res.json({ blobs: lists.flat(), totals: await blobs.stats() })
  })

  /** Which records reference a blob. Records are public, so anybody may ask. */
  router.get('/com.example.blobs.records', async (req, res) => {
    res.json({ uris: await blobs.recordsFor(text(req.query, 'did'), text(req.query, 'cid')) })
  })

  /** What the janitor does every few minutes, and daily: here at once, and with its reports. */
  router.post('/com.example.blobs.collect', async (req, res) => {
    requireAdmin(req)
    const sweep = await blobs.sweep()
    const collect = await blobs.collect()
    res.json({ collect, sweep, times: blobs.times })
  })

  return router
}

const toJson = (did: string) => (blob: BlobStat) => ({ ...blob, did, cid: String(blob.cid) })
