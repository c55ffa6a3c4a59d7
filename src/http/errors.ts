const brand = Symbol.for('pds-blobstore.xrpc-error')

/**
 * An error response of an XRPC method: `{ error, message }` with a status. The host's `authenticate` may throw it to
 * choose the response.
 *
 * @example
 * ```ts
 * import { XrpcError } from 'pds-blobstore/http'
 *
 * const expired = () => new XrpcError(400, 'ExpiredToken', 'Token has expired')
 * ```
 */
export class XrpcError extends Error {
  override readonly name = 'XrpcError'
  /** 400 to 599. */
  readonly status: number
  /** The Lexicon's name of the error. */
  readonly error: string
  /** Further response headers. */
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, error: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.error = error
    this.headers = headers
    Object.defineProperty(this, brand, { value: true })
  }
}

/** For a path that has only these methods, besides OPTIONS. */
export function methodNotAllowed(methods: readonly string[]): XrpcError {
  const allow = [...methods, 'OPTIONS'].join(', ')
  return new XrpcError(405, 'InvalidRequest', `Method not allowed: use ${allow}`, { allow })
}

/** By brand, because the host may have two copies of this package. */
export function isXrpcError(error: unknown): error is XrpcError {
  return typeof error === 'object' && error !== null && brand in error
}
