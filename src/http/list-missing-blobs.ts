import { requester } from './account.ts'
import { pageParams } from './params.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { Call } from './routes.ts'

/** com.atproto.repo.listMissingBlobs: what the requester's records name and this server does not hold. */
export async function listMissingBlobs({ blobs, request }: Call): Promise<Reply> {
  const did = await requester(request)
  const { items, cursor } = await blobs.listMissing(did, { ...pageParams(request), signal: request.signal })
  return jsonReply({ cursor, blobs: items.map(({ cid, recordUri }) => ({ cid, recordUri })) })
}
