import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../errors.ts'
import { assertDelay, assertOptions, assertWhole } from '../../options.ts'

export interface S3BackendOptions {
  /** It must exist, and must not be public. Several backends may share it with different `prefix`es. */
  bucket: string
  /** The beginning of the names of all objects, such as `pds/`. @default '' */
  prefix?: string | undefined
  /** The name under which rows refer to this backend. It never changes. @default 's3' */
  name?: string | undefined

  /** Address of the service. @default that of AWS in `region` */
  endpoint?: string | undefined
  /** @default `AWS_REGION` of the environment, otherwise `us-east-1` */
  region?: string | undefined
  /** @default what the SDK finds: the environment, `~/.aws`, the role of the machine */
  credentials?: S3ClientConfig['credentials'] | undefined
  /** Whether the bucket is in the path instead of the host name: for MinIO, Ceph, Garage. @default false */
  forcePathStyle?: boolean | undefined
  /**
   * The most connections of each of three kinds: readings of more than 1 MiB, which last as long as their readers;
   * other readings; uploads and everything else. So no kind waits for another. @default 256
   */
  maxSockets?: number | undefined

  /**
   * A client of the host's own, whose connections all requests share, instead of the five options above. The host
   * destroys it. It must not retry, because an upload that is retried after a lost response may be stored twice:
   * `maxAttempts: 1`. And it must not add checksums, which many services refuse: `requestChecksumCalculation:
   * 'WHEN_REQUIRED'`, `responseChecksumValidation: 'WHEN_REQUIRED'`.
   */
  client?: S3Client | undefined

  /** How long a connection may stand still while bytes are expected, in milliseconds. @default 20_000 */
  socketTimeout?: number | undefined
  /** How long a response may take after everything was sent, in milliseconds. @default 60_000 */
  requestTimeout?: number | undefined

  /**
   * Uploads of at least so many bytes are sent in parts, several at once. At most 5 GB. @default 67_108_864 (64 MiB)
   */
  multipartThreshold?: number | undefined
  /**
   * Size of a part in bytes, 5 MiB to 5 GB. The largest blob has 10,000 parts. @default 16_777_216 (16 MiB, so 160 GiB)
   */
  partSize?: number | undefined
  /** How many parts of one upload are sent at once. @default 4 */
  partsAtOnce?: number | undefined

  /**
   * Where bytes wait until their hash is known: a directory on this machine, with room for all concurrent uploads. A
   * crash may lose it without harm. Several processes may share it. @default one below `os.tmpdir()`
   */
  spoolDirectory?: string | undefined
  /** What must stay free there, as for `DiskBackend`. @default { bytes: 67_108_864, inodes: 1000 } */
  minFree?: { bytes?: number | undefined; inodes?: number | undefined } | undefined
}

const ofClient = ['endpoint', 'region', 'credentials', 'forcePathStyle', 'maxSockets'] as const
const others = ['bucket', 'prefix', 'name', 'client', 'socketTimeout', 'requestTimeout', 'multipartThreshold']
const known = [...others, ...ofClient, 'partSize', 'partsAtOnce', 'spoolDirectory', 'minFree']

const leastPart = 5 * 1024 * 1024
const mostPut = 5 * 1000 ** 3

/** The resolved options. */
export interface S3Limits {
  readonly socketTimeout: number
  readonly requestTimeout: number
  readonly multipartThreshold: number
  readonly partSize: number
  readonly partsAtOnce: number
}

export interface ResolvedS3Options {
  name: string
  /** Empty, or ends in a slash. */
  prefix: string
  location: string
  limits: S3Limits
  minFree: { bytes: number; inodes: number }
}

/** @throws `InvalidArgument` for an invalid option */
export function resolveS3Options(options: S3BackendOptions): ResolvedS3Options {
  assertOptions('S3Backend', options, known)
  const { bucket, name = 's3', endpoint } = options
  if (typeof bucket !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._:/-]+$/.test(bucket)) {
    throw new BlobStoreError('InvalidArgument', 'S3Backend needs `bucket`, the name of one')
  }
  const doubled = ofClient.find((name) => options.client !== undefined && options[name] !== undefined)
  if (doubled !== undefined) {
    throw new BlobStoreError(
      'InvalidArgument',
      `S3Backend: ${doubled} cannot be given together with \`client\`; set it on the client`,
    )
  }
  const limits = resolveLimits(options)
  const prefix = resolvePrefix(options.prefix ?? '')
  const { bytes = 64 * 1024 * 1024, inodes = 1000 } = options.minFree ?? {}
  assertWhole('S3Backend: minFree.bytes', bytes, 0)
  assertWhole('S3Backend: minFree.inodes', inodes, 0)
  return { name, prefix, location: locationOf(bucket, prefix, endpoint), limits, minFree: { bytes, inodes } }
}

function resolveLimits(options: S3BackendOptions): S3Limits {
  const { socketTimeout = 20_000, requestTimeout = 60_000, partsAtOnce = 4 } = options
  const { multipartThreshold = 64 * 1024 * 1024, partSize = 16 * 1024 * 1024, maxSockets = 1 } = options
  assertDelay('S3Backend: socketTimeout', socketTimeout, 1)
  assertDelay('S3Backend: requestTimeout', requestTimeout, 1)
  assertWhole('S3Backend: partsAtOnce', partsAtOnce, 1)
  assertWhole('S3Backend: maxSockets', maxSockets, 1)
  assertWhole('S3Backend: multipartThreshold', multipartThreshold, leastPart)
  assertWhole('S3Backend: partSize', partSize, leastPart)
  for (const [name, bytes] of Object.entries({ multipartThreshold, partSize })) {
    if (bytes > mostPut) throw new BlobStoreError('InvalidArgument', `S3Backend: ${name} is 5 GB at most`)
  }
  return { socketTimeout, requestTimeout, multipartThreshold, partSize, partsAtOnce }
}

function resolvePrefix(prefix: string): string {
  if (!/^([A-Za-z0-9!_.*'()-]+(\/|$))*$/.test(prefix) || prefix.length > 500 || prefix.split('/').includes('..')) {
    const message = 'S3Backend: prefix may contain A-Z, a-z, 0-9 and !_.*\'()-, in parts between single slashes: "pds/"'
    throw new BlobStoreError('InvalidArgument', message)
  }
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
}

/** Only the host of the endpoint: the rest may contain credentials. */
function locationOf(bucket: string, prefix: string, endpoint: string | undefined): string {
  const at = endpoint !== undefined && URL.canParse(endpoint) ? ` at ${new URL(endpoint).host}` : ''
  return `s3://${bucket}/${prefix}`.replace(/\/$/, '') + at
}
