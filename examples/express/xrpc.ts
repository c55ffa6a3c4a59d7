import type { NextFunction, Request, Response } from 'express'
import type { Kysely } from 'kysely'
import { type BlobStore, isBlobStoreError } from 'pds-blobstore'
import { toXrpcError, XrpcError } from 'pds-blobstore/express'
import type { Tables } from './database.ts'
import type { Sessions } from './sessions.ts'

/** What the routes share. */
export interface Context {
  db: Kysely<Tables>
  blobs: BlobStore
  sessions: Sessions
  /** Throws unless the administrator sent this request. */
  requireAdmin: (req: Request) => void
}

/** A required parameter, from a query or a body. */
export function text(params: unknown, name: string, fallback?: string): string {
  const value = (params as Record<string, unknown> | null | undefined)?.[name] ?? fallback
  if (typeof value !== 'string') throw new XrpcError(400, 'InvalidRequest', `${name} must be a string`)
  return value
}

/** The last middleware: turns any error into an XRPC response. Of the store's errors it knows status and name. */
export function errorHandler(failure: unknown, _req: Request, res: Response, _next: NextFunction): void {
  const known = failure instanceof SyntaxError ? new XrpcError(400, 'InvalidRequest', 'Not JSON') : failure
  const { status, error, message, headers } = toXrpcError(known)
  if (status >= 500) console.error(failure)
  // A record that names a missing blob is wrong; the address is not.
  const answered = status === 404 && isBlobStoreError(failure) ? 400 : status
  res.status(answered).set(headers).json({ error, message })
}
