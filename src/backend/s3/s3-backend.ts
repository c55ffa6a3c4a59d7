import type { BlobBackend } from '../backend.ts'
import { RemoteBackend } from '../remote/remote-backend.ts'
import { Requests } from '../remote/requests.ts'
import { Bucket } from './bucket.ts'
import { classifyS3Error } from './errors.ts'
import { resolveS3Options, type S3BackendOptions } from './options.ts'
import { S3Service } from './s3-service.ts'

/**
 * Stores bytes in a bucket of AWS S3, or of a compatible service. An upload is one request, and so is a reading.
 *
 * @example
 * ```ts
 * import { S3Backend } from 'pds-blobstore/s3'
 *
 * const backend = new S3Backend({
 *   bucket: 'pds-blobs',
 *   endpoint: 'https://s3.example',
 *   region: 'eu-central-1',
 *   credentials: { accessKeyId: 'an id', secretAccessKey: 'a secret' },
 * })
 * ```
 */
export class S3Backend extends RemoteBackend implements BlobBackend {
  declare readonly presign: NonNullable<BlobBackend['presign']>
  /** The bucket and the prefix, and the endpoint's host if one is given: `s3://pds-blobs/pds at s3.example`. */
  declare readonly location: string

  /** Sends no request. @throws `InvalidArgument` */
  constructor(options: S3BackendOptions) {
    const { name, location, prefix, limits, minFree } = resolveS3Options(options)
    const requests = new Requests({ bytes: limits.socketTimeout, answer: limits.requestTimeout }, classifyS3Error)
    const service = new S3Service({ bucket: new Bucket(options, prefix), backend: name, limits, requests })
    super({ name, durable: true, location, service, requests, spoolDirectory: options.spoolDirectory, minFree })
  }
}
