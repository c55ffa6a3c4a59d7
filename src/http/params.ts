import { type BlobCid, isBlobCid } from '../blob/cid.ts'
import { assertTid, isDid } from '../blob/identifiers.ts'
import { isInternalSpace, isSpaceUri, type SpaceUri } from '../blob/spaces.ts'
import { XrpcError } from './errors.ts'
import type { BlobRequest } from './request.ts'

export function didParam(request: BlobRequest, name: 'did' | 'repo' = 'did'): string {
  const did = required(request, name)
  if (!isDid(did)) throw invalid(`${name} must be a DID`)
  return did
}

/** Refuses a space of the store's own: no reader sees a blob through it, whatever the host decides. */
export function spaceParam(request: BlobRequest): SpaceUri {
  const space = required(request, 'space')
  if (isSpaceUri(space) && !isInternalSpace(space)) return space
  throw invalid('space must be the URI of a space: at://<DID>/space/<type>/<key>')
}

export function cidParam(request: BlobRequest): BlobCid {
  const cid = required(request, 'cid')
  if (!isBlobCid(cid)) throw invalid('cid must be the CID of a blob (bafkrei…, 59 characters)')
  return cid
}

/** A revision. Absent or empty means none. */
export function sinceParam(request: BlobRequest): string | undefined {
  const since = request.query.get('since')
  if (!since) return undefined
  assertTid('since', since)
  return since
}

/** `limit` and `cursor` of the methods that list. */
export function pageParams(request: BlobRequest): { limit: number; cursor: string | undefined } {
  const limit = request.query.get('limit') ?? '500'
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > 1000) throw invalid('limit must be 1 to 1000')
  const cursor = request.query.get('cursor')
  if (cursor && cursor.length > 1024) throw invalid('cursor is not one of this server')
  return { limit: Number(limit), cursor: cursor || undefined }
}

function required(request: BlobRequest, name: string): string {
  const value = request.query.get(name)
  if (!value) throw invalid(`Missing parameter: ${name}`)
  return value
}

function invalid(message: string): XrpcError {
  return new XrpcError(400, 'InvalidRequest', message)
}
