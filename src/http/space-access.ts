import { assertServed, HostAnswer, isResponse } from './account.ts'
import { XrpcError } from './errors.ts'
import type { SpaceAccess } from './options.ts'
import { spaceParam } from './params.ts'
import type { Call } from './request.ts'

/**
 * What the request may see, after the host has decided. Before that nothing is looked up, not even the account's
 * status: a refusal is the same whether the space, the account and the blob exist or not.
 */
export async function admitted({ options, request }: Call, repo: string): Promise<SpaceAccess> {
  const asked = { space: spaceParam(request), repo }
  const decision = await request.authorizeSpace(asked)
  if (isResponse(decision)) throw new HostAnswer(decision)
  if (decision === false) throw refusal(request.header('authorization') !== null)
  // Only a decision may give access.
  if (decision !== true) throw new Error('authorizeSpace must give true, false or a Response')
  await assertServed(options, repo)
  return asked
}

function refusal(hasCredentials: boolean): XrpcError {
  if (hasCredentials) return new XrpcError(403, 'Forbidden', 'These credentials do not give access to the space')
  return new XrpcError(401, 'AuthMissing', 'Authentication Required', { 'www-authenticate': 'Bearer' })
}
