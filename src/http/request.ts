import type { BlobStore } from '../blob-store.ts'
import type { BlobSource } from '../store/upload/source.ts'
import type { Authenticated, BlobServingOptions } from './options.ts'
import type { Reply } from './reply.ts'

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

/** One request on its way through a method. */
export interface Call {
  readonly blobs: BlobStore
  readonly options: BlobServingOptions
  readonly request: BlobRequest
}

/** An XRPC method. */
export interface Route {
  readonly nsid: string
  readonly methods: readonly string[]
  /** Whether it asks for no authentication. */
  readonly public: boolean
  /** Whether it answers with a file, which is saved by the name of its CID. @default false */
  readonly file?: boolean
  handle(call: Call): Promise<Reply>
}
