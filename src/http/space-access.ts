import { assertServed, HostAnswer, isResponse } from './account.ts'
import { XrpcError } from './errors.ts'
import type { SpaceAccess } from './options.ts'
import { spaceParam } from './params.ts'
import type { Call } from './request.ts'

/**
 * What the request may see, once the host has decided so. Before that nothing is looked up, not even the account's status:
 * a refusal is the same whether space, account and blob exist or not.
 */
export async function admitted({ options, request }: Call, repo: string): Promise<SpaceAccess> {
  const asked = { space: spaceParam(request), repo }
  const decision = await request.authorizeSpace(asked)
  if (isResponse(decision)) throw new HostAnswer(decision)
  if (decision === false) throw refusal(request.header('authorization') !== null)
  // What is not a decision must not open anything.
  if (decision !== true) throw new Error('authorizeSpace must give true, false or a Response')
  await assertServed(options, repo)
  return asked
}

function refusal(hasCredentials: boolean): XrpcError {
  if (hasCredentials) return new XrpcError(403, 'Forbidden', 'These credentials do not give access to the space')
  return new XrpcError(401, 'AuthMissing', 'Authentication Required', { 'www-authenticate': 'Bearer' })
}

/**
 * For bytes that not everybody may see. A browser may keep them, and asks each time before it shows them again: who has left
 * the space is refused then, and who has not gets a 304. `must-revalidate` is left out on purpose: RFC 9111 (3.5) takes it for
 * leave to keep answers to an Authorization header in shared caches.
 */
export const privateCaching = 'private, no-cache, no-transform'
