const brand = Symbol.for('pds-blobstore.xrpc-error')

/**
 * An answer of an XRPC method that is an error: `{ error, message }` with a status. The host's `authenticate` may throw
 * it to choose the answer.
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
  /** What the Lexicon calls it. */
  readonly error: string
  /** Further headers of the answer. */
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, error: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.error = error
    this.headers = headers
    Object.defineProperty(this, brand, { value: true })
  }
}

/** By brand, since the host may have two copies of this package. */
export function isXrpcError(error: unknown): error is XrpcError {
  return typeof error === 'object' && error !== null && brand in error
}
