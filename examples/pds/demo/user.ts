import assert from 'node:assert/strict'
import { AtpAgent, type BlobRef } from '@atproto/api'
import { cidOfBytes } from 'pds-blobstore'
import { bytesOf, type Media } from '../../express/demo/media.ts'
import { embedOf } from '../../express/demo/people.ts'
import type { RunningPds } from '../pds.ts'
import type { DemoNetwork } from './network.ts'

interface Upload {
  /** The CID. */
  ref: string
  blob: BlobRef
  post?: string
}

type Did = `did:${string}:${string}`

/** A user with an account and an official client. */
export class User {
  readonly name: string
  readonly uploads = new Map<Media, Upload>()
  readonly #network: DemoNetwork
  agent: AtpAgent

  constructor(name: string, network: DemoNetwork) {
    this.name = name
    this.#network = network
    this.agent = new AtpAgent({ service: network.here.url })
  }

  get did(): Did {
    return this.agent.assertDid as Did
  }

  get account(): { handle: string; email: string; password: string } {
    return { handle: `${this.name}.test`, email: `${this.name}@example.com`, password: `${this.name}'s password` }
  }

  async signUp(pds: RunningPds): Promise<void> {
    this.agent = new AtpAgent({ service: pds.url })
    await this.agent.createAccount(this.account)
  }

  /** Deletes the account at that PDS, with the token that the PDS sends by mail. */
  async signOff({ pds, url }: RunningPds): Promise<void> {
    const token = await pds.ctx.accountManager.createEmailToken(this.did, 'delete_account')
    const { password } = this.account
    await new AtpAgent({ service: url }).com.atproto.server.deleteAccount({ did: this.did, password, token })
  }

  async upload(media: Media): Promise<Upload> {
    const bytes = bytesOf(media)
    const { data } = await this.agent.uploadBlob(bytes, { encoding: media.mimeType })
    const upload = { ref: data.blob.ref.toString(), blob: data.blob }
    assert.deepEqual([upload.ref, data.blob.size, data.blob.mimeType], [cidOfBytes(bytes), media.size, media.mimeType])
    this.uploads.set(media, upload)
    return upload
  }

  uploadOf(media: Media): Upload {
    return this.uploads.get(media) ?? assert.fail(`${media.name} was not uploaded`)
  }

  async post(text: string, ...media: Media[]): Promise<void> {
    const uploads = media.map((one) => this.uploadOf(one))
    const { uri } = await this.agent.post({ text, embed: embedOf(uploads.map(({ blob }) => blob)) })
    for (const upload of uploads) upload.post = uri
  }

  async unpost(media: Media): Promise<void> {
    await this.agent.deletePost(this.uploadOf(media).post ?? assert.fail(`${media.name} was not posted`))
  }

  get(cid: string): Promise<Response> {
    return fetch(`${this.agent.serviceUrl}xrpc/com.atproto.sync.getBlob?did=${this.did}&cid=${cid}`)
  }

  async takedown(media: Media, applied: boolean): Promise<void> {
    const { adminPassword } = this.#network
    const subject = {
      $type: 'com.atproto.admin.defs#repoBlobRef' as const,
      did: this.did,
      cid: this.uploadOf(media).ref,
    }
    const authorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`
    const { admin } = new AtpAgent({ service: this.agent.serviceUrl.href }).com.atproto
    await admin.updateSubjectStatus({ subject, takedown: { applied } }, { headers: { authorization } })
  }
}
