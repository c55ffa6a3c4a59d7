import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { S3Backend, type S3BackendOptions } from '../../src/s3.ts'
import type { S3Address } from '../servers/ceph.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Null where there is no S3 server: its tests are skipped. */
    s3: S3Address | null
  }
}

/** A separate client, to look behind the backend. */
export function clientOf({ endpoint, ...credentials }: S3Address): S3Client {
  return new S3Client({
    endpoint,
    credentials,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

/** One bucket for all tests, which share it by prefixes; creating it again is harmless. */
export const sharedBucket = 'blobs'

/** Where S3 backends of one test store their bytes: a prefix in the bucket, and a folder for spools. */
export class S3Place {
  readonly prefix: string = `${randomUUID()}/`
  readonly spools: string = mkdtempSync(join(tmpdir(), 'pds-blobstore-s3-'))
  readonly #address: S3Address
  #client: S3Client | undefined

  constructor(address: S3Address) {
    this.#address = address
  }

  /** To look behind the backend. */
  get client(): S3Client {
    this.#client ??= clientOf(this.#address)
    return this.#client
  }

  backend(options: Partial<S3BackendOptions> = {}): S3Backend {
    const { endpoint, ...credentials } = this.#address
    const client = options.client === undefined ? { endpoint, credentials, forcePathStyle: true } : {}
    const { prefix, spools } = this
    return new S3Backend({ bucket: sharedBucket, prefix, spoolDirectory: spools, ...client, ...options })
  }

  /** The names of all objects, without the prefix. */
  async names(): Promise<string[]> {
    const command = new ListObjectsV2Command({ Bucket: sharedBucket, Prefix: this.prefix })
    const { Contents = [] } = await this.client.send(command)
    return Contents.map(({ Key = '' }) => Key.slice(this.prefix.length))
  }

  /** Its objects stay, and are deleted with the server. */
  async remove(): Promise<void> {
    rmSync(this.spools, { recursive: true, force: true, maxRetries: 10 })
    this.#client?.destroy()
  }
}

export async function createBucket(address: S3Address, name: string = sharedBucket): Promise<void> {
  const client = clientOf(address)
  await client.send(new CreateBucketCommand({ Bucket: name }))
  client.destroy()
}
