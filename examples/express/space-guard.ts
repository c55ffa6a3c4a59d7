import type { Kysely } from 'kysely'
import type { BlobRouterOptions } from 'pds-blobstore/express'
import type { Tables } from './database.ts'
import type { Context } from './xrpc.ts'

/**
 * Who sees an account's blobs in a space: the account itself, also when the space is deleted, and whoever is in the space.
 * Between servers a member would bring a space credential, which the space's own server has signed; here all have sessions.
 */
export function spaceGuard({ db, sessions }: Context): NonNullable<BlobRouterOptions['authorizeSpace']> {
  return async (request, { space, repo }) => {
    const did = await sessions.authenticate(request.headers.get('authorization'))
    return did === repo || (await isInSpace(db, did, space))
  }
}

/** Whether the account is in the space: its own, or one that it is a member of. */
export async function isInSpace(db: Kysely<Tables>, did: string, uri: string): Promise<boolean> {
  const space = await db
    .selectFrom('space')
    .leftJoin('member', (join) => join.onRef('member.space', '=', 'space.uri').on('member.did', '=', did))
    .select(['space.did as owner', 'member.did as member'])
    .where('space.uri', '=', uri)
    .executeTakeFirst()
  return space !== undefined && (space.owner === did || space.member !== null)
}
