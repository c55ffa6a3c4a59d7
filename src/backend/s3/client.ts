import { S3Client } from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../errors.ts'
import type { S3BackendOptions } from './options.ts'

/** Without a logger the SDK writes to the console. Our errors contain the same. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Idle connections are closed before the service closes them, perhaps while a request is being sent. */
const idleSocket = 4000

/** Creates a client with settings that every service understands. */
export function createClient(options: S3BackendOptions): S3Client {
  const { endpoint, credentials, forcePathStyle = false, maxSockets = 256 } = options
  const region = options.region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1'
  const agent = { keepAlive: true, maxSockets, timeout: idleSocket }
  return new S3Client({
    region,
    forcePathStyle,
    logger: quiet,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    // An upload whose response was lost must not be sent again under the same key, so this package decides what is
    // retried.
    maxAttempts: 1,
    // By default the SDK appends checksums in a framing that Ceph and Swift refuse. The signed hash protects more.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would open a new connection for every body above 2 MiB.
    expectContinueHeader: false,
    // `remote/idle-timeout.ts` watches the timeouts of requests, for every client; this one is only for connecting.
    requestHandler: { connectionTimeout: 5000, socketTimeout: 0, httpAgent: agent, httpsAgent: agent },
  })
}

/**
 * Three clients, each with its own connections, so that requests of one kind never wait for those of another. If the
 * host gave a client, all three are that client.
 */
export interface Clients {
  /** For uploads, deletions, lists: everything except reading. */
  readonly other: S3Client
  /** For readings into memory, which end as soon as the service has answered. */
  readonly small: S3Client
  /** For readings that last as long as their readers need. */
  readonly large: S3Client
}

export function createClients(options: S3BackendOptions): Clients {
  const other = createClient(options)
  // Shared by the three clients, because fetching credentials may be a network request or run a program.
  const credentials = (): ReturnType<typeof other.config.credentials> => other.config.credentials()
  const [small, large] = [createClient({ ...options, credentials }), createClient({ ...options, credentials })]
  return { other, small, large }
}

/** @throws `InvalidArgument` if the host's client would retry uploads, or send what services refuse */
export async function checkClient(client: S3Client, backend: string): Promise<void> {
  const { maxAttempts, requestChecksumCalculation, responseChecksumValidation } = client.config
  const wanted: [name: string, found: unknown, right: unknown][] = [
    ['maxAttempts', await maxAttempts(), 1],
    ['requestChecksumCalculation', await requestChecksumCalculation(), 'WHEN_REQUIRED'],
    ['responseChecksumValidation', await responseChecksumValidation(), 'WHEN_REQUIRED'],
  ]
  const wrong = wanted.find(([, found, right]) => found !== right)
  if (wrong === undefined) return
  const [name, found, right] = wrong
  const message = `The S3 client given to backend "${backend}" has ${name} ${found}; create it with ${JSON.stringify(right)}`
  throw new BlobStoreError('InvalidArgument', message, { backend })
}
