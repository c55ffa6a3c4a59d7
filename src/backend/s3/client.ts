import { S3Client } from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../errors.ts'
import type { S3BackendOptions } from './options.ts'

/** Without one the SDK writes to the console. Our errors say the same. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Connections that wait are closed before the other side does it, perhaps while a request is on its way. */
const idleSocket = 4000

/** A client as every service understands it. */
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
    // An upload whose answer was lost must not be sent again under the same key: what is retried is decided here.
    maxAttempts: 1,
    // By default the SDK appends checksums in a framing that Ceph and Swift refuse. The hash that is signed does more.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // It would take a new connection for every body above 2 MiB.
    expectContinueHeader: false,
    // Timeouts of requests are watched in `remote/idle-timeout.ts`, for every client; this one is only for connecting.
    requestHandler: { connectionTimeout: 5000, socketTimeout: 0, httpAgent: agent, httpsAgent: agent },
  })
}

/**
 * Three of them, each with connections of its own: what waits for its own turn, or for a reader, holds up nothing else.
 * Where the host gave its client, they are that one.
 */
export interface Clients {
  /** For uploads, deletions, lists: for all but reading. */
  readonly other: S3Client
  /** For readings that end as soon as the service has answered, into memory. */
  readonly small: S3Client
  /** For readings that take as long as their readers do. */
  readonly large: S3Client
}

export function createClients(options: S3BackendOptions): Clients {
  const other = createClient(options)
  // One source for all: it may be a request over the network, or a program to run.
  const credentials = (): ReturnType<typeof other.config.credentials> => other.config.credentials()
  const [small, large] = [createClient({ ...options, credentials }), createClient({ ...options, credentials })]
  return { other, small, large }
}

/** @throws `InvalidArgument` where the client of the host's would repeat uploads, or send what services refuse */
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
  const message = `The S3 client given to backend "${backend}" has ${name} ${found}; make it with ${JSON.stringify(right)}`
  throw new BlobStoreError('InvalidArgument', message, { backend })
}
