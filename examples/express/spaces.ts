import { type Request, Router } from 'express'
import { XrpcError } from 'pds-blobstore/express'
import { nextTid, parseRecord, type RecordPath, uriOf } from './data-model.ts'
import { isInSpace } from './space-guard.ts'
import { type Context, text } from './xrpc.ts'

/**
 * com.example.space.*: spaces, who is in them, and the records there. Their blobs go out by com.atproto.space.getBlob and
 * listBlobs, which the blob routes have. What the protocol will call the methods here is not settled yet.
 */
export function spaceRoutes({ db, blobs, sessions }: Context): Router {
  const router = Router()
  const requester = (req: Request) => sessions.authenticate(req.headers.authorization)

  /** The spaces that are one's own, that one is in, and that one has records in. */
  router.get('/com.example.space.list', async (req, res) => {
    const did = await requester(req)
    const own = db.selectFrom('space').select('uri').where('did', '=', did)
    const joined = db.selectFrom('member').select('space as uri').where('did', '=', did)
    const written = db.selectFrom('space_record').select('space as uri').where('did', '=', did)
    const rows = await own.union(joined).union(written).orderBy('uri').execute()
    res.json({ spaces: rows.map(({ uri }) => uri) })
  })

  /** Who is in a space, for those who are. */
  router.get('/com.example.space.getMembers', async (req, res) => {
    const space = text(req.query, 'space')
    if (!(await isInSpace(db, await requester(req), space))) throw refused()
    const members = await db
      .selectFrom('member')
      .innerJoin('account', 'account.did', 'member.did')
      .select(['member.did', 'handle'])
      .where('space', '=', space)
      .orderBy('handle')
      .execute()
    res.json({ members })
  })

  /** Says who is in a space of one's own, which is made if it is not there yet. */
  router.post('/com.example.space.putMembers', async (req, res) => {
    const did = await requester(req)
    const uri = ownSpace(did, text(req.body, 'space'))
    const members = await accountsOf(req.body.members)
    await db.transaction().execute(async (trx) => {
      await trx
        .insertInto('space')
        .values({ uri, did })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
      await trx.deleteFrom('member').where('space', '=', uri).execute()
      for (const member of members) await trx.insertInto('member').values({ space: uri, did: member }).execute()
    })
    res.json({})
  })

  /**
   * Deletes a space of one's own, and one's records in it. What others wrote there stays with them, for them alone. Should it
   * fail half-way, the same call can be made again.
   */
  router.post('/com.example.space.delete', async (req, res) => {
    const did = await requester(req)
    const uri = ownSpace(did, text(req.body, 'space'))
    await db.transaction().execute(async (trx) => {
      await trx.deleteFrom('space').where('uri', '=', uri).execute()
      await trx.deleteFrom('space_record').where('space', '=', uri).where('did', '=', did).execute()
    })
    await blobs.dropSpace(did, uri)
    res.json({})
  })

  router.post('/com.example.space.createRecord', async (req, res) => {
    const did = await requester(req)
    const rkey = text(req.body, 'rkey', nextTid())
    if (!/^[\w.:~-]{1,512}$/.test(rkey)) throw new XrpcError(400, 'InvalidRequest', 'Not a record key')
    const space = text(req.body, 'space')
    const path = { space, did, collection: text(req.body, 'collection'), rkey }
    const { record, cid } = parseRecord(req.body.record)
    const [uri, value] = [uriOf(path), JSON.stringify(req.body.record)]
    await db.transaction().execute(async (trx) => {
      if (!(await isInSpace(trx, did, space))) throw refused()
      const { numInsertedOrUpdatedRows: written } = await trx
        .insertInto('space_record')
        .values({ ...path, cid, value })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
      if (written === 0n) throw new XrpcError(400, 'InvalidRequest', `${uri} exists`)
      await blobs.applyWrites(did, [{ action: 'create', uri, record }], { rev: nextTid(), trx })
    })
    res.json({ uri, cid })
  })

  /** A record of one's own, also in a space that is deleted. */
  router.post('/com.example.space.deleteRecord', async (req, res) => {
    const path: Required<RecordPath> = {
      space: text(req.body, 'space'),
      did: await requester(req),
      collection: text(req.body, 'collection'),
      rkey: text(req.body, 'rkey'),
    }
    await db.transaction().execute(async (trx) => {
      const { numDeletedRows } = await trx
        .deleteFrom('space_record')
        .where((row) => row.and({ ...path }))
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) return
      await blobs.applyWrites(path.did, [{ action: 'delete', uri: uriOf(path) }], { rev: nextTid(), trx })
    })
    res.json({})
  })

  /** The newest records in a space: of all who are in it, or with `repo` of one. */
  router.get('/com.example.space.listRecords', async (req, res) => {
    const [did, space, repo] = [await requester(req), text(req.query, 'space'), text(req.query, 'repo', '')]
    if (did !== repo && !(await isInSpace(db, did, space))) throw refused()
    const rows = await db
      .selectFrom('space_record')
      .innerJoin('account', 'account.did', 'space_record.did')
      .select(['space', 'space_record.did', 'collection', 'rkey', 'cid', 'value', 'handle'])
      .where('space', '=', space)
      .where('collection', '=', text(req.query, 'collection'))
      .$if(repo !== '', (query) => query.where('space_record.did', '=', repo))
      .orderBy('rkey', 'desc')
      .limit(100)
      .execute()
    const records = rows.map(({ handle, value, ...path }) => ({
      ...{ uri: uriOf(path), did: path.did, handle, cid: path.cid },
      value: JSON.parse(value),
    }))
    res.json({ records })
  })

  return router

  /** These DIDs, each once; all must have an account here. */
  async function accountsOf(given: unknown): Promise<Set<string>> {
    const dids = new Set(Array.isArray(given) ? given.map((did) => text({ did }, 'did')) : [])
    for (const did of dids) {
      const account = await db.selectFrom('account').select('did').where('did', '=', did).executeTakeFirst()
      if (account === undefined) throw new XrpcError(400, 'RepoNotFound', `No account ${did}`)
    }
    return dids
  }
}

/** The same whether there is such a space or not. */
const refused = () => new XrpcError(403, 'Forbidden', 'You are not in this space')

const grammar = /^at:\/\/(?<did>did:[^/]+)\/space\/com\.example\.circle\/(?!\.{1,2}$)[\w.:~-]{1,512}$/

/** A space that this account may make and delete. */
function ownSpace(did: string, uri: string): string {
  if (grammar.exec(uri)?.groups?.did === did) return uri
  throw new XrpcError(400, 'InvalidRequest', `Not a space of yours: at://${did}/space/com.example.circle/<key>`)
}
