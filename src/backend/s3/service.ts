import type { S3Client } from '@aws-sdk/client-s3'
import { Patience } from '../patience.ts'
import type { Clients } from './client.ts'
import { codeOf } from './meanings.ts'
import type { S3Limits } from './options.ts'
import { NoCredentials } from './s3-error.ts'

/** A bucket behind its clients, and how requests to it are made: once, within the time they have. */
export class Service {
  readonly clients: Clients
  readonly bucket: string
  readonly limits: S3Limits

  constructor(clients: Clients, bucket: string, limits: S3Limits) {
    this.clients = clients
    this.bucket = bucket
    this.limits = limits
  }

  /** For all but reading. */
  get client(): S3Client {
    return this.clients.other
  }

  /** Makes one request. Errors are the SDK's, `NoCredentials` and `TimedOut`; after an abort, anything. */
  async request<T>(
    signal: AbortSignal | undefined,
    send: (options: { abortSignal: AbortSignal }, patience: Patience) => Promise<T>,
    wait: number = this.limits.requestTimeout,
  ): Promise<T> {
    using patience = new Patience(wait, signal)
    try {
      await this.#credentials(patience.signal)
      return await send({ abortSignal: patience.signal }, patience)
    } catch (error) {
      // The SDK says only that somebody aborted it.
      throw patience.signal.aborted ? patience.signal.reason : error
    }
  }

  /**
   * The SDK has them by now, or gets them: asked for here, a source that fails cannot be taken for a request that did.
   * What it says may hold secrets.
   */
  #credentials(signal: AbortSignal): Promise<unknown> | undefined {
    const { credentials } = this.client.config as { credentials?: () => Promise<unknown> }
    if (typeof credentials !== 'function') return undefined // the host's client signs in its own way
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      credentials().then(resolve, (error: unknown) =>
        reject(new NoCredentials(`The source of the credentials failed: ${codeOf(error)}`)),
      )
    })
  }
}

interface HttpRequest {
  headers: Record<string, string>
  body?: unknown
}

/** What all commands have. The SDK's types tell each command's middleware apart; these headers are the same for all. */
interface Command {
  middlewareStack: { add(middleware: never, options: never): void }
}

type Handler = (args: { request: HttpRequest }) => Promise<unknown>

/** Adds headers to a command's request before it is signed, so that the signature covers them. */
export function withHeaders<C extends Command>(
  command: C,
  headers: (request: HttpRequest) => HttpRequest['headers'],
): C {
  const middleware = (next: Handler): Handler => {
    return (args) => {
      Object.assign(args.request.headers, headers(args.request))
      return next(args)
    }
  }
  command.middlewareStack.add(middleware as never, { step: 'build', priority: 'low', name: 'blobHeaders' } as never)
  return command
}

/** The hash of the body, signed: a service that receives other bytes refuses them and stores nothing. */
export function withPayloadHash<C extends Command>(command: C, sha256: Uint8Array): C {
  return withHeaders(command, () => ({ 'x-amz-content-sha256': Buffer.from(sha256).toString('hex') }))
}
