import { assertServed, requester } from './account.ts'
import { didParam, pageParams, sinceParam } from './params.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { Call } from './request.ts'

/** com.atproto.sync.listBlobs: returns the CIDs that an account's records reference, to anyone. */
export async function listBlobs({ blobs, options, request }: Call): Promise<Reply> {
  const did = didParam(request)
  const since = sinceParam(request)
  const page = pageParams(request)
  await assertServed(options, did)
  const { items, cursor } = await blobs.listPublic(did, { ...page, since, signal: request.signal })
  return jsonReply({ cursor, cids: items })
}

/** com.atproto.repo.listMissingBlobs: returns what the requester's records reference and this server does not hold. */
export async function listMissingBlobs({ blobs, request }: Call): Promise<Reply> {
  const { did } = await requester(request)
  const { items, cursor } = await blobs.listMissing(did, { ...pageParams(request), signal: request.signal })
  return jsonReply({ cursor, blobs: items.map(({ cid, recordUri }) => ({ cid, recordUri })) })
}
