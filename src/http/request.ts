import type { BlobSource } from '../store/source.ts'
import type { Authenticated } from './options.ts'

/** What the handlers ask of a request, whether it is a web `Request` or one of Node's. */
export interface BlobRequest {
  readonly method: string
  readonly query: URLSearchParams
  /** The body, not touched before it is asked for. Leaving it before its end leaves the connection alone. */
  readonly body: BlobSource
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  header(name: string): string | null
  /** Asks the host who sends it. */
  authenticate(): Authenticated | Promise<Authenticated>
}
