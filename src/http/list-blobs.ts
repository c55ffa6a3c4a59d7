import { assertServed, requester } from './account.ts'
import { didParam, pageParams, sinceParam } from './params.ts'
import { jsonReply, type Reply } from './reply.ts'
import type { Call } from './request.ts'
import { admitted } from './space-access.ts'

/** com.atproto.sync.listBlobs: returns the CIDs that an account's records reference, to anyone. */
export async function listBlobs({ blobs, options, request }: Call): Promise<Reply> {
  const did = didParam(request)
  const since = sinceParam(request)
  const page = pageParams(request)
  await assertServed(options, did)
  const { items, cursor } = await blobs.listPublic(did, { ...page, since, signal: request.signal })
  return jsonReply({ cursor, cids: items })
}

/**
 * com.atproto.space.listBlobs: returns the CIDs that an account's records in one space reference, to requests that the
 * host admits.
 */
export async function listSpaceBlobs(call: Call): Promise<Reply> {
  const { blobs, request } = call
  const since = sinceParam(request)
  const page = pageParams(request)
  const { space, repo } = await admitted(call, didParam(request, 'repo'))
  const { items, cursor } = await blobs.listSpace(repo, space, { ...page, since, signal: request.signal })
  return jsonReply({ cursor, cids: items })
}

/**
 * com.atproto.repo.listMissingBlobs: returns what the requester's public records name and this server does not hold.
 * Not what records in spaces name: clients reject the whole response for one URI that is not
 * `at://<DID>/<collection>/<key>`.
 */
export async function listMissingBlobs({ blobs, request }: Call): Promise<Reply> {
  const { did } = await requester(request)
  const { items, cursor } = await blobs.listMissing(did, {
    ...pageParams(request),
    space: null,
    signal: request.signal,
  })
  return jsonReply({ cursor, blobs: items.map(({ cid, recordUri }) => ({ cid, recordUri })) })
}
