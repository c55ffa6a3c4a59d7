import { Readable } from 'node:stream'
import type {
  $Command,
  S3Client,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes,
} from '@aws-sdk/client-s3'
import { pieceSize, type UploadBody } from '../remote/upload-source.ts'
import { type Clients, checkClient, createClients } from './client.ts'
import { codeOf, NoCredentials } from './errors.ts'
import type { S3BackendOptions } from './options.ts'

/** A bucket behind its clients, or the part of it whose names begin with `prefix`. */
export class Bucket {
  readonly name: string
  readonly prefix: string
  readonly clients: Clients
  readonly #isOwn: boolean

  /** With clients of its own, unless the host gave one. */
  constructor(options: S3BackendOptions, prefix: string) {
    const { bucket, client } = options
    this.name = bucket
    this.prefix = prefix
    this.clients = client ? { other: client, small: client, large: client } : createClients(options)
    this.#isOwn = client === undefined
  }

  /** For all but reading. */
  get client(): S3Client {
    return this.clients.other
  }

  /** Whose object that is, as commands take it. */
  object(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.name, Key: this.prefix + name }
  }

  /** The name of an object, as services of this package have it. */
  nameOf(key: string): string {
    return key.slice(this.prefix.length)
  }

  /** @throws `InvalidArgument` where the client of the host's would repeat uploads, or send what services refuse */
  async check(backend: string): Promise<void> {
    if (!this.#isOwn) await checkClient(this.client, backend)
  }

  close(): void {
    if (this.#isOwn) for (const client of Object.values(this.clients)) client.destroy()
  }

  /** Makes one request. Errors are the SDK's and `NoCredentials`; after an abort, anything. */
  async send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: $Command<Input, Output, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
    signal: AbortSignal,
    client: S3Client = this.client,
  ): Promise<Output> {
    await this.#credentials(signal)
    return await client.send(command, { abortSignal: signal })
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

/** Gives the SDK a body to send, as it takes it, and lets go of it afterwards. */
export async function sending<T>(
  body: UploadBody,
  size: number,
  send: (content: Uint8Array | Readable) => Promise<T>,
): Promise<T> {
  const { chunks } = body
  if (size === 0) return await send(new Uint8Array(0)) // an empty stream is no body for the SDK
  if (chunks) return await send(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks))
  const stream = Readable.from(body, { objectMode: false, highWaterMark: pieceSize })
  stream.on('error', () => {}) // the SDK pipes, which passes no error on: the body itself ends the request
  try {
    return await send(stream)
  } finally {
    stream.destroy()
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
