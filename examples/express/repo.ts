import { type Request, Router } from 'express'
import { XrpcError } from 'pds-blobstore/express'
import { nextTid, parseRecord, type RecordPath, uriOf } from './data-model.ts'
import { type Context, text } from './xrpc.ts'

/** com.atproto.repo.*: records. They are rows here, without a signed repository around them. */
export function repoRoutes({ db, blobs, sessions }: Context): Router {
  const router = Router()

  router.post('/com.atproto.repo.createRecord', async (req, res) => {
    res.json(await write('create', await recordPath(req, nextTid()), req.body.record))
  })

  router.post('/com.atproto.repo.putRecord', async (req, res) => {
    res.json(await write('update', await recordPath(req), req.body.record))
  })

  /** Record and references share one transaction: afterwards both are there, or neither. */
  async function write(action: 'create' | 'update', path: RecordPath, json: unknown) {
    const { record, cid } = parseRecord(json)
    const [uri, value] = [uriOf(path), JSON.stringify(json)]
    await db.transaction().execute(async (trx) => {
      const { numInsertedOrUpdatedRows: written } = await trx
        .insertInto('record')
        .values({ ...path, cid, value })
        .onConflict((c) => (action === 'create' ? c.doNothing() : c.doUpdateSet({ cid, value })))
        .executeTakeFirstOrThrow()
      if (written === 0n) throw new XrpcError(400, 'InvalidRequest', `${uri} exists`)
      await blobs.applyWrites(path.did, [{ action, uri, record }], { rev: nextTid(), trx })
    })
    return { uri, cid }
  }

  router.post('/com.atproto.repo.deleteRecord', async (req, res) => {
    const path = await recordPath(req)
    await db.transaction().execute(async (trx) => {
      await trx
        .deleteFrom('record')
        .where((row) => row.and({ ...path }))
        .execute()
      await blobs.applyWrites(path.did, [{ action: 'delete', uri: uriOf(path) }], { rev: nextTid(), trx })
    })
    res.json({})
  })

  router.get('/com.atproto.repo.getRecord', async (req, res) => {
    const path = {
      did: await didOf(req.query),
      collection: text(req.query, 'collection'),
      rkey: text(req.query, 'rkey'),
    }
    const row = await db
      .selectFrom('record')
      .selectAll()
      .where((row) => row.and(path))
      .executeTakeFirst()
    if (row === undefined) throw new XrpcError(400, 'RecordNotFound', `No record ${uriOf(path)}`)
    res.json({ uri: uriOf(row), cid: row.cid, value: JSON.parse(row.value) })
  })

  /** Newest first. */
  router.get('/com.atproto.repo.listRecords', async (req, res) => {
    const limit = Math.min(Math.max(Number(req.query.limit ?? 50) || 50, 1), 100)
    const rows = await db
      .selectFrom('record')
      .selectAll()
      .where('did', '=', await didOf(req.query))
      .where('collection', '=', text(req.query, 'collection'))
      .where('rkey', '<', text(req.query, 'cursor', '~'))
      .orderBy('rkey', 'desc')
      .limit(limit)
      .execute()
    const cursor = rows.length === limit ? rows.at(-1)?.rkey : undefined
    res.json({ cursor, records: rows.map((row) => ({ uri: uriOf(row), cid: row.cid, value: JSON.parse(row.value) })) })
  })

  return router

  /** The record of the client's own repository that is meant. */
  async function recordPath(req: Request, newRkey?: string): Promise<RecordPath> {
    const did = await sessions.authenticate(req.headers.authorization)
    if (did !== (await didOf(req.body))) throw new XrpcError(403, 'Forbidden', 'Not your repository')
    const path = { did, collection: text(req.body, 'collection'), rkey: text(req.body, 'rkey', newRkey) }
    if (!/^[\w.:~-]{1,512}$/.test(path.rkey)) throw new XrpcError(400, 'InvalidRequest', 'Not a record key')
    return path
  }

  /** `repo` is a DID or a handle. */
  async function didOf(params: unknown): Promise<string> {
    const repo = text(params, 'repo')
    const account = await db
      .selectFrom('account')
      .select('did')
      .where((row) => row.or({ did: repo, handle: repo }))
      .executeTakeFirst()
    if (account === undefined) throw new XrpcError(400, 'RepoNotFound', `No account ${repo}`)
    return account.did
  }
}
