import { timingSafeEqual } from 'node:crypto'
import { type Request, Router } from 'express'
import { XrpcError } from 'pds-blobstore/express'
import { type Context, text } from './xrpc.ts'

/** com.atproto.admin.*: what moderators may do to a blob, and deleting an account. */
export function adminRoutes({ db, blobs, requireAdmin }: Context): Router {
  const router = Router()

  router.post('/com.atproto.admin.updateSubjectStatus', async (req, res) => {
    requireAdmin(req)
    const { subject, takedown } = req.body
    if (subject?.$type !== 'com.atproto.admin.defs#repoBlobRef') {
      throw new XrpcError(400, 'InvalidRequest', 'Only blobs can be taken down here')
    }
    const [did, cid] = [text(subject, 'did'), text(subject, 'cid')]
    await (takedown?.applied ? blobs.takedown(did, cid, { ref: takedown.ref }) : blobs.reverseTakedown(did, cid))
    res.json({ subject, takedown })
  })

  router.post('/com.atproto.admin.deleteAccount', async (req, res) => {
    requireAdmin(req)
    const did = text(req.body, 'did')
    // The account's row is deleted last: if anything fails before, the same call can be repeated.
    await blobs.deleteAccount(did)
    await db.deleteFrom('account').where('did', '=', did).execute()
    res.end()
  })

  return router
}

/** Lets the administrator pass, who is recognized by a password. */
export function adminGuard(password: string): (req: Request) => void {
  const expected = Buffer.from(`Basic ${Buffer.from(`admin:${password}`).toString('base64')}`)
  return (req) => {
    const given = Buffer.from(req.headers.authorization ?? '')
    if (given.length === expected.length && timingSafeEqual(given, expected)) return
    throw new XrpcError(401, 'AuthenticationRequired', 'For the administrator only')
  }
}
