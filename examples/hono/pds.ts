import { jsonToLex } from '@atproto/lex-json'
import { Hono } from 'hono'
import { type BlobStore, cidOfRecord } from 'pds-blobstore'
import { createBlobHandlers, toXrpcError } from 'pds-blobstore/http'
import { isEnding } from '../shutdown.ts'

/** The blob routes, and records that reference blobs, on Hono. `didOf` is the host's own session check. */
export function pdsOn(blobs: BlobStore, didOf: (authorization: string | undefined) => string | null): Hono {
  const app = new Hono()
  const handlers = createBlobHandlers(blobs, {
    authenticate: ({ headers }) => {
      const did = didOf(headers.get('authorization') ?? undefined)
      return did === null ? null : { did }
    },
    onError: (error) => console.error(error),
  })
  // Hono sends HEAD to GET routes; OPTIONS, for pages of other origins, needs `all`.
  app.all('/xrpc/com.atproto.repo.uploadBlob', (c) => handlers.uploadBlob(c.req.raw))
  app.all('/xrpc/com.atproto.sync.getBlob', (c) => handlers.getBlob(c.req.raw))
  app.all('/xrpc/com.atproto.sync.listBlobs', (c) => handlers.listBlobs(c.req.raw))
  app.all('/xrpc/com.atproto.repo.listMissingBlobs', (c) => handlers.listMissingBlobs(c.req.raw))

  app.get('/xrpc/_health', (c) => c.body(null, isEnding() ? 503 : 200))

  app.post('/xrpc/com.atproto.repo.putRecord', async (c) => {
    const did = didOf(c.req.header('authorization'))
    if (did === null) return c.json({ error: 'AuthenticationRequired' }, 401)
    const { collection, rkey, record: json } = await c.req.json()
    const record = jsonToLex(json) // links in it are CIDs, not maps
    const uri = `at://${did}/${collection}/${rkey}`
    try {
      // A PDS stores the record too, in the same transaction: see examples/express.
      await blobs.applyWrites(did, [{ action: 'update', uri, record }], { rev: nextRev() })
    } catch (error) {
      const { status, error: name, message, headers } = toXrpcError(error)
      if (status >= 500) console.error(error)
      // The record names a blob that the account does not have: that is its fault, not the address's.
      return Response.json({ error: name, message }, { status: status === 404 ? 400 : status, headers: { ...headers } })
    }
    return c.json({ uri, cid: cidOfRecord(record) })
  })
  return app
}

/** A TID: microseconds since 1970, in digits that sort by value. */
function nextRev(): string {
  const bits = (BigInt(Date.now()) * 1000n) << 10n
  const digits = Array.from({ length: 13 }, (_, n) => Number((bits >> BigInt(60 - 5 * n)) & 31n))
  return digits.map((digit) => '234567abcdefghijklmnopqrstuvwxyz'[digit]).join('')
}
