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

/** A bucket and its clients, or the part of it whose names begin with `prefix`. */
export class Bucket {
  readonly name: string
  readonly prefix: string
  readonly clients: Clients
  readonly #isOwn: boolean

  /** Creates its own clients, unless the host gave one. */
  constructor(options: S3BackendOptions, prefix: string) {
    const { bucket, client } = options
    this.name = bucket
    this.prefix = prefix
    this.clients = client ? { other: client, small: client, large: client } : createClients(options)
    this.#isOwn = client === undefined
  }

  /** For everything except reading. */
  get client(): S3Client {
    return this.clients.other
  }

  /** The parameters of commands that name the object. */
  object(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.name, Key: this.prefix + name }
  }

  /** The name of an object as {@link RemoteService} has it. */
  nameOf(key: string): string {
    return key.slice(this.prefix.length)
  }

  /** @throws `InvalidArgument` if the host's client would retry uploads, or send what services refuse */
  async check(backend: string): Promise<void> {
    if (!this.#isOwn) await checkClient(this.client, backend)
  }

  close(): void {
    if (this.#isOwn) for (const client of Object.values(this.clients)) client.destroy()
  }

  /** Sends one request. Throws the SDK's errors and `NoCredentials`; after an abort, any error. */
  async send<Input extends ServiceInputTypes, Output extends ServiceOutputTypes>(
    command: $Command<Input, Output, S3ClientResolvedConfig, ServiceInputTypes, ServiceOutputTypes>,
    signal: AbortSignal,
    client: S3Client = this.client,
  ): Promise<Output> {
    await this.#credentials(signal)
    return await client.send(command, { abortSignal: signal })
  }

  /**
   * The SDK has the credentials already, or fetches them now. Fetching here separates a failure of their source from a
   * failed request. The source's message may contain secrets.
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

/** Passes a body to the SDK in the form that it accepts, and releases it afterwards. */
export async function sending<T>(
  body: UploadBody,
  size: number,
  send: (content: Uint8Array | Readable) => Promise<T>,
): Promise<T> {
  const { chunks } = body
  if (size === 0) return await send(new Uint8Array(0)) // the SDK does not accept an empty stream as a body
  if (chunks) return await send(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks))
  const stream = Readable.from(body, { objectMode: false, highWaterMark: pieceSize })
  stream.on('error', () => {}) // the SDK pipes, which does not pass errors on: the body itself ends the request
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

/**
 * What all commands have in common. The SDK has a different middleware type for each command; these headers are the
 * same for all.
 */
interface Command {
  middlewareStack: { add(middleware: never, options: never): void }
}

type Handler = (args: { request: HttpRequest }) => Promise<unknown>

/** Adds headers to a command's request before signing, so that the signature covers them. */
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
