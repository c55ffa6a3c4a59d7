import { isDid } from '../blob/identifiers.ts'
import { XrpcError } from './errors.ts'
import type { AccountStatus, Authenticated, BlobServingOptions } from './options.ts'
import type { BlobRequest } from './request.ts'

const refusals: Record<Exclude<AccountStatus, 'active'>, [error: string, message: string]> = {
  takendown: ['RepoTakendown', 'Repo has been taken down'],
  suspended: ['RepoSuspended', 'Repo has been suspended'],
  deactivated: ['RepoDeactivated', 'Repo has been deactivated'],
}

/** Refuses requests about an account that is not served, with the Lexicons' error names. */
export async function assertServed(options: BlobServingOptions, did: string): Promise<void> {
  if (!options.accountStatus) return
  const status = await options.accountStatus(did)
  if (status === 'active') return
  if (status === null) throw new XrpcError(400, 'RepoNotFound', 'Could not find repo for DID')
  // An unknown status must not be served either.
  const refusal = Object.hasOwn(refusals, status) ? refusals[status] : undefined
  if (!refusal) throw new Error(`accountStatus returned ${JSON.stringify(status)}, which is not an AccountStatus`)
  throw new XrpcError(400, ...refusal)
}

type Requester = Exclude<Authenticated, Response | null>

/** A response of the host's own, for the client. */
export class HostAnswer {
  readonly response: Response
  constructor(response: Response) {
    this.response = response
  }
}

/** Who sends the request. If it is unknown, throws the refusal. */
export async function requester(request: BlobRequest): Promise<Requester> {
  const who = await request.authenticate()
  if (who === null) {
    const error = request.header('authorization') === null ? 'AuthMissing' : 'AuthenticationRequired'
    throw new XrpcError(401, error, 'Authentication Required', { 'www-authenticate': 'Bearer' })
  }
  if (isResponse(who)) throw new HostAnswer(who)
  if (!isDid(who?.did)) throw new Error('authenticate must return { did }, a Response or null')
  return who
}

/** By shape, because a framework may have its own Response. */
export function isResponse(value: unknown): value is Response {
  if (typeof value !== 'object' || value === null) return false
  const { status, headers, arrayBuffer } = value as Partial<Response>
  return typeof status === 'number' && typeof headers?.get === 'function' && typeof arrayBuffer === 'function'
}
