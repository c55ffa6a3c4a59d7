import { createServer } from 'node:http'
import Database from 'better-sqlite3'
import express from 'express'
import { Kysely, SqliteDialect } from 'kysely'
import {
  type BlobBackend,
  type BlobRef,
  type BlobStore,
  createBlobStore,
  DiskBackend,
  isBlobStoreError,
  kyselyMetadata,
} from 'pds-blobstore'
import { exportFiles } from 'pds-blobstore/export'
import { blobRouter } from 'pds-blobstore/express'
import { createBlobHandler } from 'pds-blobstore/http'
import { importPds } from 'pds-blobstore/import'
import { attachBlobStore } from 'pds-blobstore/pds'
import { S3Backend } from 'pds-blobstore/s3'
import { backendConformance } from 'pds-blobstore/testing'
import { tusRouter } from 'pds-blobstore/tus'

// A host with the strictest settings, compiled by check:package against the packed types. It is never run.

const db = new Kysely<{ record: { uri: string } }>({ dialect: new SqliteDialect({ database: new Database('pds') }) })
const backends: BlobBackend[] = [new DiskBackend({ root: 'blobs' }), new S3Backend({ bucket: 'blobs' })]
const [disk] = backends

export const blobs: BlobStore = createBlobStore({
  backend: disk ?? new S3Backend({ bucket: 'blobs' }),
  metadata: kyselyMetadata(db),
  janitor: { collectEvery: 60_000 },
  limits: { accept: ['image/*'], quota: (did: string) => (did === 'did:plc:alice' ? { bytes: 1 } : {}) },
  hooks: { inspect: async ({ mimeType }) => (mimeType === 'image/png' ? undefined : { refuse: 'Not here' }) },
})

export async function post(did: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<BlobRef> {
  const image = await blobs.upload(did, body, { mimeType: 'image/png', signal })
  await db.transaction().execute(async (trx) => {
    const write = { action: 'create', uri: `at://${did}/com.example.post/1`, record: { image } } as const
    await blobs.applyWrites(did, [write], { rev: '3kyimv2x4zs2a', trx })
  })
  return image
}

export async function take(did: string, cid: string): Promise<Response | null> {
  try {
    const { body, mimeType } = await blobs.read(did, cid, { range: { start: 0, end: 99 } })
    return new Response(body, { headers: { 'content-type': mimeType } })
  } catch (error) {
    if (isBlobStoreError(error, 'BlobNotFound')) return null
    throw error
  }
}

export const app = express().use(blobRouter(blobs, { authenticate: () => null }))
export const uploads = express().use(tusRouter(blobs, { path: '/upload', authenticate: () => null }))
export const server = createServer(blobRouter(blobs, { authenticate: () => null }))
export const handler = createBlobHandler(blobs, { authenticate: () => ({ did: 'did:plc:alice' }) })
export const others: readonly unknown[] = [attachBlobStore, importPds, exportFiles, backendConformance]
