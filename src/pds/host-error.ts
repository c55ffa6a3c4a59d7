import { isBlobStoreError } from '../errors.ts'
import { toXrpcError } from '../http/error-table.ts'

/**
 * An error of the store's as the PDS answers it best; any other as it is. Its XRPC server takes errors with these
 * properties, which are those of the library http-errors, for answers; what else is thrown is 500.
 */
export function hostError(error: unknown): unknown {
  if (!isBlobStoreError(error)) return error
  const answer = toXrpcError(error)
  // What is no more than broken stays what it was: the PDS logs it, and tells the client nothing.
  if (answer.status === 500) return error
  return asHttpError(new Error(answer.message, { cause: error }), answer.status, answer.error)
}

export function asHttpError<E extends Error>(error: E, status: number, name: string): E {
  return Object.assign(error, { name, status, statusCode: status, expose: true })
}
