import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AtpAgent, type BlobRef } from '@atproto/api'
import { afterAll, describe, inject } from 'vitest'
import type { PdsOptions, RunningPds } from '../../../examples/pds/pds.ts'
import type { Plc } from '../../../examples/pds/plc.ts'
import type { BlobBackend } from '../../../src/index.ts'
import { S3Place } from '../../support/s3.ts'

/** What these tests need is not among the root's dependencies: run `npm ci --prefix examples/pds`. */
export const isInstalled: boolean = existsSync(
  new URL('../../../examples/pds/node_modules/@atproto/pds/package.json', import.meta.url),
)
if (!isInstalled && process.env.REQUIRE_PDS === '1') {
  throw new Error('@atproto/pds is not installed: npm ci --prefix examples/pds')
}

/** Skipped, with a line that says so, if the PDS is not installed. */
export const describeWithPds: ReturnType<typeof describe.skipIf> = describe.skipIf(!isInstalled)
if (!isInstalled) process.stderr.write('Skipped, for @atproto/pds is not installed: npm ci --prefix examples/pds\n')

export const adminPassword = 'admin'

/** Where the bytes of an attached store are: on disk, and in S3 if there is a server. */
export type Where = 'on disk' | 'in S3'
export const wheres: Where[] = inject('s3') ? ['on disk', 'in S3'] : ['on disk']

/** A PLC directory and PDSes for this file alone, removed when its tests end. */
export class Network {
  #plc: Promise<Plc> | undefined
  readonly #undo: (() => Promise<unknown>)[] = []
  readonly #where: Where
  /** By the folder of the PDS: one that restarts in it finds its bytes. */
  readonly #buckets = new Map<string, S3Place>()

  constructor(where: Where = 'on disk') {
    this.#where = where
    afterAll(async () => {
      for (const undo of this.#undo.reverse()) await undo()
    }, 60_000)
  }

  plc(): Promise<Plc> {
    this.#plc ??= import('../../../examples/pds/plc.ts').then(async ({ startPlc }) => {
      const plc = await startPlc()
      this.#undo.unshift(() => plc.close())
      return plc
    })
    return this.#plc
  }

  async folder(): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'pds-blobstore-real-'))
    this.#undo.unshift(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
    return dir
  }

  async pds(options: Partial<PdsOptions> = {}): Promise<RunningPds> {
    const { startPds } = await import('../../../examples/pds/pds.ts')
    const dir = options.dir ?? (await this.folder())
    const backend = this.#backendFor(dir)
    const pds = await startPds({ plcUrl: (await this.plc()).url, adminPassword, ...backend, ...options, dir })
    let closing: Promise<void> | undefined
    const close = () => {
      closing ??= pds.close()
      return closing
    }
    this.#undo.push(close)
    return { ...pds, close }
  }

  #backendFor(dir: string): { backend?: BlobBackend } {
    const address = inject('s3')
    if (this.#where === 'on disk' || !address) return {}
    const place = this.#buckets.get(dir) ?? new S3Place(address)
    if (!this.#buckets.has(dir)) this.#undo.unshift(() => place.remove())
    this.#buckets.set(dir, place)
    return { backend: place.backend() }
  }
}

let people = 0

/** An account with an official client. */
export class Person {
  readonly agent: AtpAgent
  readonly handle = `person${people++}.test`

  constructor(service: string) {
    this.agent = new AtpAgent({ service })
  }

  get did(): string {
    return this.agent.assertDid
  }

  async signUp(): Promise<this> {
    await this.agent.createAccount({ handle: this.handle, email: `${this.handle}@example.com`, password: 'password' })
    return this
  }

  async logIn(): Promise<void> {
    await this.agent.login({ identifier: this.handle, password: 'password' })
  }

  async upload(bytes: Uint8Array, encoding = 'application/octet-stream'): Promise<BlobRef> {
    return (await this.agent.uploadBlob(bytes, { encoding })).data.blob
  }

  /** A record that references these blobs. Resolves with its key. */
  async write(...blobs: BlobRef[]): Promise<string> {
    const { data } = await this.agent.com.atproto.repo.createRecord({
      repo: this.did,
      collection: 'com.example.file',
      record: { $type: 'com.example.file', blobs },
      validate: false,
    })
    return data.uri.split('/').pop() ?? ''
  }

  async erase(rkey: string): Promise<void> {
    await this.agent.com.atproto.repo.deleteRecord({ repo: this.did, collection: 'com.example.file', rkey })
  }

  /** Null if it is not served. */
  async read(blob: BlobRef | string): Promise<Buffer | null> {
    const response = await fetch(this.urlOf(blob))
    const body = Buffer.from(await response.arrayBuffer())
    return response.status === 200 ? body : null
  }

  urlOf(blob: BlobRef | string): string {
    const cid = typeof blob === 'string' ? blob : blob.ref.toString()
    return `${this.agent.serviceUrl}xrpc/com.atproto.sync.getBlob?did=${this.did}&cid=${cid}`
  }

  async missing(): Promise<string[]> {
    return (await this.agent.com.atproto.repo.listMissingBlobs()).data.blobs.map(({ cid }) => cid)
  }

  async takedown(blob: BlobRef, applied: boolean): Promise<void> {
    const subject = { $type: 'com.atproto.admin.defs#repoBlobRef' as const, did: this.did, cid: blob.ref.toString() }
    const authorization = `Basic ${Buffer.from(`admin:${adminPassword}`).toString('base64')}`
    const admin = new AtpAgent({ service: this.agent.serviceUrl })
    await admin.com.atproto.admin.updateSubjectStatus(
      { subject, takedown: { applied } },
      { headers: { authorization } },
    )
  }

  async leave({ pds }: RunningPds): Promise<void> {
    const token = await pds.ctx.accountManager.createEmailToken(this.did as `did:${string}:${string}`, 'delete_account')
    await this.agent.com.atproto.server.deleteAccount({ did: this.did, password: 'password', token })
  }
}

/** Waits until the background queue of the PDS, in which it deletes blobs, is empty. */
export async function settled({ pds }: RunningPds): Promise<void> {
  await pds.ctx.backgroundQueue.processAll()
}

/** Deletes everything that nothing needs, in a store with a short grace period and delete delay. */
export async function collectAll({ attachment, blobs }: RunningPds): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await attachment?.reconcile()
    await new Promise((resolve) => setTimeout(resolve, blobs.times.grace + blobs.times.deleteDelay + 20))
    await blobs.collect()
  }
}
