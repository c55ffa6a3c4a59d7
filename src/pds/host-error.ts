import { isBlobStoreError } from '../errors.ts'
import { toXrpcError } from '../http/error-table.ts'

/**
 * Turns an error of the store into the one that the PDS answers best; others pass unchanged. Its XRPC server answers
 * errors with these properties, which are those of the library http-errors; others are 500.
 */
export function hostError(error: unknown): unknown {
  if (!isBlobStoreError(error)) return error
  const answer = toXrpcError(error)
  // An internal failure stays as it was: the PDS logs it, and tells the client nothing.
  if (answer.status === 500) return error
  return asHttpError(new Error(answer.message, { cause: error }), answer.status, answer.error)
}

export function asHttpError<E extends Error>(error: E, status: number, name: string): E {
  return Object.assign(error, { name, status, statusCode: status, expose: true })
}
