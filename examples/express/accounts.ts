import { randomBytes } from 'node:crypto'
import { Router } from 'express'
import { base32 } from 'multiformats/bases/base32'
import { XrpcError } from 'pds-blobstore/express'
import { hashPassword, passwordMatches } from './sessions.ts'
import { type Context, text } from './xrpc.ts'

/** com.atproto.server.*: accounts and their sessions. */
export function accountRoutes({ db, blobs, sessions }: Context): Router {
  const router = Router()

  router.get('/com.atproto.server.describeServer', (_req, res) => {
    res.json({
      did: 'did:web:localhost',
      availableUserDomains: ['.test'],
      inviteCodeRequired: false,
      blobUploadLimit: blobs.limits.maxBlobSize,
    })
  })

  router.post('/com.atproto.server.createAccount', async (req, res) => {
    const handle = text(req.body, 'handle').toLowerCase()
    if (!/^[a-z0-9-]{1,63}\.test$/.test(handle)) throw new XrpcError(400, 'InvalidHandle', 'Choose <name>.test')
    // A real PDS registers the DID in the PLC directory; this one only creates one that looks right.
    const did = `did:plc:${base32.encode(randomBytes(15)).slice(1)}`
    const password = await hashPassword(text(req.body, 'password'))
    const { numInsertedOrUpdatedRows: created } = await db
      .insertInto('account')
      .values({ did, handle, password })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow()
    if (created === 0n) throw new XrpcError(400, 'HandleNotAvailable', `${handle} is taken`)
    res.json({ did, handle, ...(await sessions.start(did)) })
  })

  router.post('/com.atproto.server.createSession', async (req, res) => {
    const name = text(req.body, 'identifier').toLowerCase()
    const account = await db
      .selectFrom('account')
      .selectAll()
      .where((row) => row.or({ handle: name, did: name }))
      .executeTakeFirst()
    if (account === undefined || !(await passwordMatches(text(req.body, 'password'), account.password))) {
      throw new XrpcError(401, 'AuthenticationRequired', 'Wrong name or password')
    }
    const { did, handle } = account
    res.json({ did, handle, active: true, ...(await sessions.start(did)) })
  })

  router.get('/com.atproto.server.getSession', async (req, res) => {
    const did = await sessions.authenticate(req.headers.authorization)
    res.json({ did, handle: await handleOf(did), active: true })
  })

  router.post('/com.atproto.server.refreshSession', async (req, res) => {
    const did = await sessions.authenticate(req.headers.authorization, 'refresh')
    await sessions.end(req.headers.authorization)
    res.json({ did, handle: await handleOf(did), active: true, ...(await sessions.start(did)) })
  })

  router.post('/com.atproto.server.deleteSession', async (req, res) => {
    await sessions.authenticate(req.headers.authorization, 'refresh')
    await sessions.end(req.headers.authorization)
    res.end()
  })

  return router

  async function handleOf(did: string): Promise<string> {
    const account = await db.selectFrom('account').select('handle').where('did', '=', did).executeTakeFirstOrThrow()
    return account.handle
  }
}
