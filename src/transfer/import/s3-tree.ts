import type { Readable } from 'node:stream'
import { GetObjectCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import type { CallOptions } from '../../backend/backend.ts'
import { Requests } from '../../backend/remote/requests.ts'
import { createClient } from '../../backend/s3/client.ts'
import { classifyS3Error } from '../../backend/s3/errors.ts'
import type { S3BackendOptions } from '../../backend/s3/options.ts'
import { isDid } from '../../blob/identifiers.ts'
import { assertOptions } from '../../options.ts'
import { isError } from '../../shapes.ts'
import { isPlainName, type PdsTree, type TreeArea, type TreeObject } from './pds-tree.ts'

export type S3TreeOptions = Pick<
  S3BackendOptions,
  'bucket' | 'client' | 'endpoint' | 'region' | 'credentials' | 'forcePathStyle' | 'maxSockets'
>

/** How long one answer may take, in milliseconds. */
const timeout = 60_000

const prefixes: Readonly<Record<TreeArea, string>> = {
  stored: 'blocks/',
  temporary: 'tmp/',
  quarantined: 'quarantine/',
}

/**
 * The blobs of a reference PDS in a bucket: `blocks/{did}/{cid}`, `tmp/{did}/{key}`, `quarantine/{did}/{cid}`. If a
 * client is given, the host destroys it.
 */
export class S3Tree implements PdsTree {
  readonly #bucket: string
  readonly #client: S3Client
  readonly #isOwn: boolean
  readonly #requests = new Requests({ bytes: timeout, answer: timeout }, classifyS3Error)

  constructor(options: S3TreeOptions) {
    const ofClient = ['client', 'endpoint', 'region', 'credentials', 'forcePathStyle', 'maxSockets']
    assertOptions('S3Tree', options, ['bucket', ...ofClient])
    this.#bucket = options.bucket
    this.#client = options.client ?? createClient(options)
    this.#isOwn = options.client === undefined
  }

  describe(area: TreeArea, did: string, name: string): string {
    return `s3://${this.#bucket}/${nameOf(area, did, name)}`
  }

  async open(area: TreeArea, did: string, name: string, { signal }: CallOptions = {}): Promise<TreeObject | null> {
    if (!isDid(did) || !isPlainName(name)) return null
    const command = new GetObjectCommand({ Bucket: this.#bucket, Key: nameOf(area, did, name) })
    try {
      const open = () => this.#client.send(command, signal ? { abortSignal: signal } : {})
      const { Body, ContentLength } = await this.#requests.retry(signal, open)
      const body = Body as Readable | undefined
      if (body === undefined || ContentLength === undefined) {
        body?.destroy() // otherwise it keeps its socket
        throw new Error('The service answered without a body, or without its size')
      }
      return { size: ContentLength, body, close: async () => void body.destroy() }
    } catch (error) {
      if (isError(error) && error.name === 'NoSuchKey') return null
      throw error
    }
  }

  async *accounts(area: TreeArea, { signal }: CallOptions = {}): AsyncGenerator<string> {
    const prefix = prefixes[area]
    for await (const { folders } of this.#pages(prefix, '/', signal)) {
      for (const folder of folders) {
        const did = folder.slice(prefix.length, -1)
        if (isDid(did)) yield did
      }
    }
  }

  async *names(area: TreeArea, did: string, { signal }: CallOptions = {}): AsyncGenerator<string> {
    const prefix = nameOf(area, did, '')
    for await (const { names } of this.#pages(prefix, undefined, signal)) {
      for (const name of names) yield name.slice(prefix.length)
    }
  }

  async close(): Promise<void> {
    if (this.#isOwn) this.#client.destroy()
  }

  async *#pages(
    prefix: string,
    delimiter: string | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ names: string[]; folders: string[] }> {
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        Delimiter: delimiter,
        ContinuationToken: token,
      })
      const page = await this.#requests.retryIdempotent(signal, (own) =>
        this.#client.send(command, { abortSignal: own }),
      )
      yield {
        names: (page.Contents ?? []).map(({ Key = '' }) => Key),
        folders: (page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix),
      }
      const next: string | undefined = page.IsTruncated ? page.NextContinuationToken : undefined
      if (next !== undefined && next === token) throw new Error('The service returned the same page of a list again')
      token = next
    } while (token !== undefined)
  }
}

const nameOf = (area: TreeArea, did: string, name: string): string => `${prefixes[area]}${did}/${name}`
