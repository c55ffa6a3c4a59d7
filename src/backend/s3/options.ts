import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { BlobStoreError } from '../../errors.ts'
import { assertDelay, assertOptions, assertWhole } from '../../options.ts'

export interface S3BackendOptions {
  /** It must exist, and not be public. Several backends may share it by `prefix`. */
  bucket: string
  /** What the names of all objects begin with, such as `pds/`. @default '' */
  prefix?: string | undefined
  /** What rows call this backend, for ever. @default 's3' */
  name?: string | undefined

  /** Where the service is. @default the one of AWS in `region` */
  endpoint?: string | undefined
  /** @default what the environment says (`AWS_REGION`), else `us-east-1` */
  region?: string | undefined
  /** @default what the SDK finds: the environment, `~/.aws`, the role of the machine */
  credentials?: S3ClientConfig['credentials'] | undefined
  /** Whether the bucket goes into the path, not the host name: MinIO, Ceph, Garage. @default false */
  forcePathStyle?: boolean | undefined
  /**
   * How many connections at most, of each of three kinds: for readings of more than 1 MiB, which take as long as their
   * readers do; for others; and for uploads and all else. So none keeps another waiting. @default 256
   */
  maxSockets?: number | undefined

  /**
   * A client of the host's own, whose connections are shared by all that is done, in the place of the five options above. The host destroys it. It must not retry by
   * itself, for an upload that is tried again after an answer was lost may be stored twice: `maxAttempts: 1`. And not add
   * checksums that many services refuse: `requestChecksumCalculation: 'WHEN_REQUIRED'`,
   * `responseChecksumValidation: 'WHEN_REQUIRED'`.
   */
  client?: S3Client | undefined

  /** How long a connection may stand still while bytes are due, in milliseconds. @default 20_000 */
  socketTimeout?: number | undefined
  /** How long an answer may take when all was sent, in milliseconds. @default 60_000 */
  requestTimeout?: number | undefined

  /** From how many bytes an upload is sent in parts, several at once. At most 5 GB. @default 67_108_864 (64 MiB) */
  multipartThreshold?: number | undefined
  /** In bytes, 5 MiB to 5 GB; 10,000 of them are the largest blob. @default 16_777_216 (16 MiB, so 160 GiB) */
  partSize?: number | undefined
  /** How many parts of one upload are sent at once. @default 4 */
  partsAtOnce?: number | undefined

  /**
   * Where bytes wait whose hash is not known yet: a directory of this machine, on a disk with room for what is uploaded
   * at once. Nothing in it is needed after a crash. Several processes may share it. @default one below `os.tmpdir()`
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

/** The numbers in force. */
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
    throw new BlobStoreError('InvalidArgument', `S3Backend: ${doubled} is the client's own matter where one is given`)
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
    const message = 'S3Backend: prefix is made of A-Z, a-z, 0-9 and !_.*\'()-, in parts between single slashes: "pds/"'
    throw new BlobStoreError('InvalidArgument', message)
  }
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
}

/** Of the endpoint only the host: in the rest there may be credentials. */
function locationOf(bucket: string, prefix: string, endpoint: string | undefined): string {
  const at = endpoint !== undefined && URL.canParse(endpoint) ? ` at ${new URL(endpoint).host}` : ''
  return `s3://${bucket}/${prefix}`.replace(/\/$/, '') + at
}
