import { isBlobStoreError } from '../../errors.ts'
import type { UploadLimits } from '../../store/calls.ts'
import { toXrpcError } from '../error-table.ts'
import { XrpcError } from '../errors.ts'
import { jsonReply, type Reply } from '../reply.ts'
import type { Call } from '../request.ts'
import { appendBytes, endRefused } from './end-refused.ts'
import { stateHeaders, versionHeader } from './headers.ts'

/** Takes the last bytes of an upload, and answers as for an upload at once. */
export async function appendAndFinish(
  call: Call,
  did: string,
  { id, offset, size }: { id: string; offset: number; size?: number | undefined },
  limits: UploadLimits,
): Promise<Reply> {
  const { blobs, request } = call
  const state = await appendBytes(call, did, { id, offset }, { ...limits, size })
  const headers = { 'upload-complete': '?1', ...versionHeader(request) }
  try {
    // Not with the request's signal: the client has sent all of it, and may ask for the result later.
    const blob = await blobs.resumable.finish(did, id, limits)
    const reply = jsonReply({ blob })
    return {
      ...reply,
      headers: { ...reply.headers, ...stateHeaders(call, { ...state, size: state.offset, blob }), ...headers },
    }
  } catch (error) {
    await endRefused(blobs, did, id, error)
    // The error is of the blob, not of its transfer: continuing would not help. But one that passes may be tried again,
    // and bytes that are missing may be sent.
    if (isBlobStoreError(error) && (error.transient || error.code === 'InvalidSize')) throw error
    const known = toXrpcError(error)
    if (known.status >= 500) throw error
    throw new XrpcError(known.status, known.error, known.message, { ...known.headers, ...headers })
  }
}
