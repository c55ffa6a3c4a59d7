import type { NextFunction, Request, Response } from 'express'
import type { Kysely } from 'kysely'
import { type BlobStore, isBlobStoreError } from 'pds-blobstore'
import { XrpcError } from 'pds-blobstore/express'
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

/** The last middleware: turns any error into an XRPC response. */
export function errorHandler(error: unknown, _req: Request, res: Response, _next: NextFunction): void {
  const { status, error: name, message } = toXrpcError(error)
  if (status === 500) console.error(error)
  res.status(status).json({ error: name, message })
}

function toXrpcError(error: unknown): XrpcError {
  if (error instanceof XrpcError) return error
  // The store's errors have the Lexicons' names, so they are sent as they are.
  if (isBlobStoreError(error) && ofTheClient.has(error.code)) return new XrpcError(400, error.code, error.message)
  if (error instanceof SyntaxError) return new XrpcError(400, 'InvalidRequest', 'Not JSON')
  return new XrpcError(500, 'InternalServerError', 'Internal Server Error')
}

/** What a client can do wrong here. The blob routes answer their own errors. */
const ofTheClient = new Set<string>([
  'BlobNotFound',
  'BlobTakenDown',
  'InvalidBlobRef',
  'InvalidCid',
  'InvalidDid',
  'InvalidMimeType',
  'InvalidSize',
  'PayloadTooLarge',
])
