import { BlobStoreError, type BlobStoreErrorCode, isBlobStoreError } from '../../errors.ts'
import type { Attempt } from '../files/file-error.ts'
import { markUnsure } from '../unsure.ts'
import { TimedOut } from './idle-timeout.ts'

/** What an error of a service or of the network means. */
export interface ErrorClass {
  /** @default 'StorageFailed' */
  code?: BlobStoreErrorCode | undefined
  /** The same call may succeed later. */
  transient?: boolean | undefined
  /** Nothing was stored: the same upload may be sent again under the same key. */
  notApplied?: boolean | undefined
  /** The object may have been stored, and the next request may succeed: a passing failure. */
  unsure?: boolean | undefined
  /** Completes "Cannot …: ". May reach a client, so it contains no address and no credentials. */
  text: string
  /** What may be logged. @default the error itself */
  cause?: unknown
}

/** A response that no service should send. The message says what is wrong with it. */
export class UnexpectedResponse extends Error {
  override readonly name = 'UnexpectedResponse'
  readonly transient: boolean

  constructor(message: string, { transient = false }: { transient?: boolean } = {}) {
    super(message)
    this.transient = transient
  }
}

/** An unknown error is most likely one of the network. */
export function networkFailure(error: unknown): ErrorClass {
  // Without its message, which may contain an address with credentials: that is in the cause.
  const { code, cause, name } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown }; name?: unknown }
  const short = code ?? cause?.code ?? name ?? 'unknown'
  return { transient: true, text: `the service cannot be reached, or failed (${short})` }
}

/** `ofService` classifies the errors of the service itself. */
export function classify(error: unknown, ofService: (error: unknown) => ErrorClass): ErrorClass {
  if (isBlobStoreError(error)) return { code: error.code, transient: error.transient, text: error.message }
  if (error instanceof UnexpectedResponse) return { transient: error.transient, text: error.message }
  if (error instanceof TimedOut) return { transient: true, text: 'the service did not answer in time' }
  return ofService(error)
}

/** Turns the error of a service into the library's. Errors that already name the backend pass unchanged. */
export function remoteError(
  error: unknown,
  { verb, backend, cid }: Attempt,
  ofService: (error: unknown) => ErrorClass,
): unknown {
  if (isBlobStoreError(error) && error.backend === backend) return error
  const { code = 'StorageFailed', transient = false, unsure, text, cause = error } = classify(error, ofService)
  const explained = new BlobStoreError(code, `Cannot ${verb}: ${text}`, { backend, cid, transient, cause })
  if (unsure) markUnsure(explained)
  return explained
}
