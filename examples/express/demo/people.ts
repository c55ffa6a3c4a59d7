import assert from 'node:assert/strict'
import { type AppBskyFeedPost, AtpAgent, type BlobRef, XRPCError } from '@atproto/api'
import { bytesOf, type Media } from './media.ts'
import { short } from './report.ts'

/** A user with an account and an official client. */
export class Person {
  readonly name: string
  readonly agent: AtpAgent

  constructor(name: string, service: string) {
    this.name = name
    this.agent = new AtpAgent({ service })
  }

  get did(): string {
    return this.agent.assertDid
  }

  async signUp(): Promise<void> {
    await this.agent.createAccount({ handle: `${this.name}.test`, password: `${this.name}'s password` })
  }

  async logIn(): Promise<void> {
    await this.agent.login({ identifier: `${this.name}.test`, password: `${this.name}'s password` })
  }

  async upload(media: Media, encoding: string = media.mimeType): Promise<BlobRef> {
    return (await this.agent.uploadBlob(bytesOf(media), { encoding })).data.blob
  }

  /** Without a Content-Length: the server learns the size with the last byte. */
  async uploadStream(media: Pick<Media, 'mimeType' | 'chunks'>): Promise<BlobRef> {
    const body = ReadableStream.from(media.chunks())
    const { data } = await this.agent.call('com.atproto.repo.uploadBlob', {}, body, { encoding: media.mimeType })
    return data.blob
  }

  /** Posts pictures, or one video. Returns the record's URI. */
  async post(text: string, ...blobs: BlobRef[]): Promise<string> {
    return (await this.agent.post({ text, embed: embedOf(blobs) })).uri
  }

  async readBlob(cid: string): Promise<Uint8Array> {
    return (await this.agent.com.atproto.sync.getBlob({ did: this.did, cid })).data
  }

  blobUrl(cid: string): string {
    return `${this.agent.serviceUrl}xrpc/com.atproto.sync.getBlob?did=${this.did}&cid=${cid}`
  }
}

export function embedOf(blobs: BlobRef[]): NonNullable<AppBskyFeedPost.Record['embed']> {
  const [first] = blobs
  if (first?.mimeType.startsWith('video/')) return { $type: 'app.bsky.embed.video', video: first }
  return { $type: 'app.bsky.embed.images', images: blobs.map((image) => ({ image, alt: '' })) }
}

/** Checks that a request is refused, with the Lexicon's error. Returns the server's message. */
export async function refused(error: string, status: number, request: Promise<unknown>): Promise<string> {
  const refusal = await request.then(
    () => assert.fail(`was accepted, instead of ${error}`),
    (reason: unknown) => reason,
  )
  if (!(refusal instanceof XRPCError)) throw refusal
  const isExpected = refusal.error === error && refusal.status === status
  assert.ok(isExpected, `refused by ${refusal.status} ${refusal.error}, instead of ${status} ${error}`)
  const message = refusal.message.replace(/bafkrei\w+/g, short).replace(/at:\S+\//g, '…/')
  return `${status} ${error}: ${message}`
}
