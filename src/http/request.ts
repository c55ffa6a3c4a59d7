import type { BlobStore } from '../blob-store.ts'
import type { BlobSource } from '../store/upload/source.ts'
import type { Authenticated, BlobServingOptions, SpaceAccess, SpaceDecision } from './options.ts'
import type { Reply } from './reply.ts'

/** A request as the handlers need it, whether it is a web `Request` or one of Node's. */
export interface BlobRequest {
  readonly method: string
  /** The path that the client asked for. */
  readonly path: string
  readonly query: URLSearchParams
  /** The body, not touched before it is used. Leaving it before its end does not close the connection. */
  readonly body: BlobSource
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal
  header(name: string): string | null
  /** Sends an interim response (1xx) with these headers. Absent where the server cannot. */
  interim?(status: number, reason: string, headers: Readonly<Record<string, string>>): void
  /** Asks the host which account sends it. */
  authenticate(): Authenticated | Promise<Authenticated>
  /** Asks the host whether it may see an account's blobs in a space. */
  authorizeSpace(asked: SpaceAccess): SpaceDecision | Promise<SpaceDecision>
}

/** One request to a method. */
export interface Call {
  readonly blobs: BlobStore
  readonly options: BlobServingOptions
  readonly request: BlobRequest
}

/** An XRPC method. */
export interface Route {
  readonly nsid: string
  readonly methods: readonly string[]
  /** Whether it needs no authentication. */
  readonly public: boolean
  /** Whether it is a method of spaces, which exists only if the host has `authorizeSpace`. @default false */
  readonly space?: boolean
  /** Whether it returns a file, which is saved under its CID. @default false */
  readonly file?: boolean
  /** Further headers of the response to OPTIONS. */
  optionsHeaders?(call: Call): Record<string, string>
  handle(call: Call): Promise<Reply>
}
