import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { BlobStoreLimits, BlobStoreTimes } from '../../src/index.ts'
import { type BlobBackend, type BlobStore, createBlobStore, DiskBackend, sqliteMetadata } from '../../src/index.ts'
import type { Privacy } from '../../src/privacy.ts'

export { alice, asAlice, tokens } from './tokens.ts'
export const bob = 'did:web:bob.example'
export const xrpc = {
  upload: '/xrpc/com.atproto.repo.uploadBlob',
  get: '/xrpc/com.atproto.sync.getBlob',
  list: '/xrpc/com.atproto.sync.listBlobs',
  missing: '/xrpc/com.atproto.repo.listMissingBlobs',
  getInSpace: '/xrpc/com.atproto.space.getBlob',
  listSpace: '/xrpc/com.atproto.space.listBlobs',
}

/** A path with a query. */
export function query(path: string, params: Record<string, string>): string {
  return `${path}?${new URLSearchParams(params)}`
}

export interface Place {
  blobs: BlobStore
  root: string
  /** Every file of the backend that contains bytes: blobs and spools. */
  files(): Promise<string[]>
  /** Uploads bytes and references them by a record; resolves with their CID. */
  publish(did: string, bytes: Uint8Array, mimeType?: string): Promise<string>
}

export interface PlaceOptions {
  limits?: BlobStoreLimits
  times?: BlobStoreTimes
  privacy?: Privacy
  /** Wraps the backend: a spy, a fault. */
  wrap?: (backend: BlobBackend) => BlobBackend
}

/** A real store on a directory and a separate SQLite database, which accepts any declared type. */
export async function openPlace({
  limits,
  times,
  privacy,
  wrap = (backend) => backend,
}: PlaceOptions = {}): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'pds-blobstore-http-'))
  const blobs = createBlobStore({
    backend: wrap(new DiskBackend({ root: join(root, 'blobs'), durability: 'relaxed' })),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'], mimePolicy: 'declared', ...limits },
    times,
    privacy,
  })
  onTestFinished(async () => {
    await blobs.close()
    await rm(root, { recursive: true })
  })
  await blobs.ready()
  let records = 0
  return {
    blobs,
    root,
    async files() {
      const entries = await readdir(join(root, 'blobs'), { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile() && /\/(blobs\/..|spool)$/.test(entry.parentPath))
        .map((e) => e.name)
    },
    async publish(did, bytes, mimeType) {
      const blob = await blobs.upload(did, bytes, { mimeType })
      const uri = `at://${did}/app.example.post/${++records}`
      await blobs.applyWrites(did, [{ action: 'create', uri, record: { blob } }], { rev: '3jzfcijpj2z2a' })
      return blob.ref.toString()
    },
  }
}

export function bytesOf(size: number): Uint8Array {
  return new Uint8Array(randomBytes(size))
}

/** What the responses of the four methods, and errors, may contain. */
export interface Answer {
  error: string
  message: string
  blob: { $type: 'blob'; ref: { $link: string }; mimeType: string; size: number }
  cids: string[]
  blobs: { cid: string; recordUri: string }[]
  cursor?: string
}

export async function jsonOf(response: Response): Promise<Answer> {
  return (await response.json()) as Answer
}

export async function errorOf(response: Response): Promise<[status: number, error: string]> {
  return [response.status, (await jsonOf(response)).error]
}

export type Body = ConstructorParameters<typeof Response>[0]

/** As `fetch` wants them. */
export function plain(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
