import { assertServed } from './account.ts'
import { didParam, pageParams, sinceParam } from './params.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { Call } from './routes.ts'

/** com.atproto.sync.listBlobs: the CIDs that an account's records reference, to anyone. */
export async function listBlobs({ blobs, options, request }: Call): Promise<Reply> {
  const did = didParam(request)
  const since = sinceParam(request)
  const page = pageParams(request)
  await assertServed(options, did)
  const { items, cursor } = await blobs.list(did, { ...page, since, signal: request.signal })
  return jsonReply({ cursor, cids: items })
}
