import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Kysely } from 'kysely'
import { XrpcError } from 'pds-blobstore/express'
import type { Tables } from './database.ts'

const derive = promisify<string, Buffer, number, Buffer>(scrypt)

/** `salt.hash`, both in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  return `${salt.toString('base64url')}.${(await derive(password, salt, 32)).toString('base64url')}`
}

export async function passwordMatches(password: string, stored: string): Promise<boolean> {
  const [salt = '', hash = ''] = stored.split('.').map((part) => Buffer.from(part, 'base64url'))
  return timingSafeEqual(await derive(password, Buffer.from(salt), 32), Buffer.from(hash))
}

/**
 * Sessions are random tokens. The database has only their hashes, so a reader of the database cannot log in with them.
 */
export class Sessions {
  readonly #db: Kysely<Tables>

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  async start(did: string): Promise<{ accessJwt: string; refreshJwt: string }> {
    const [accessJwt, refreshJwt] = [newToken(), newToken()]
    await this.#db
      .insertInto('session')
      .values([
        { token: hashOf(accessJwt), did, kind: 'access' },
        { token: hashOf(refreshJwt), did, kind: 'refresh' },
      ])
      .execute()
    return { accessJwt, refreshJwt }
  }

  /** The account of an `Authorization` header, or an error that the client understands. */
  async authenticate(authorization: string | null | undefined, kind: 'access' | 'refresh' = 'access'): Promise<string> {
    if (!authorization?.startsWith('Bearer ')) throw new XrpcError(401, 'AuthMissing', 'Log in first')
    const session = await this.#db
      .selectFrom('session')
      .select('did')
      .where('token', '=', hashOf(authorization.slice('Bearer '.length)))
      .where('kind', '=', kind)
      .executeTakeFirst()
    if (session === undefined) throw new XrpcError(401, 'InvalidToken', 'No such session')
    return session.did
  }

  async end(authorization: string | undefined): Promise<void> {
    const token = hashOf(authorization?.slice('Bearer '.length) ?? '')
    await this.#db.deleteFrom('session').where('token', '=', token).execute()
  }
}

const newToken = (): string => randomBytes(32).toString('base64url')
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')
