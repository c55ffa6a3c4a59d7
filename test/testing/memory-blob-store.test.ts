import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { expect, test } from 'vitest'
import { BlobStoreError, kyselyMetadata, MemoryBackend } from '../../src/index.ts'
import { faultyBackend, memoryBlobStore, sampleBlob } from '../../src/testing.ts'
import { alice, post } from '../support/samples.ts'

const { bytes, mimeType } = sampleBlob('image/png')

test('a store in memory follows the rules of a real one, and has nothing of the one before', async () => {
  const blobs = memoryBlobStore()
  const image = await blobs.upload(alice, bytes, { mimeType })
  await expect(blobs.read(alice, image.ref)).rejects.toMatchObject({ code: 'BlobNotFound' })
  await post(blobs, alice, '1', image)
  expect(Buffer.from(bytes).equals(await (await blobs.read(alice, image.ref)).bytes())).toBe(true)
  expect(await memoryBlobStore().stat(alice, image.ref, { as: 'moderator' })).toBeNull()
  await expect(blobs.upload(alice, new Uint8Array(3), { mimeType: 'text/html' })).rejects.toMatchObject({
    code: 'InvalidMimeType',
  })
  await blobs.close()
})

test('a store in memory can have its clock set, its backend replaced, and its metadata in the host’s own database', async () => {
  let time = Date.UTC(2026, 0, 1)
  const full = new BlobStoreError('StorageFull', 'No space left')
  const backend = faultyBackend(new MemoryBackend(), { faults: [{ kind: 'fail', on: 'put', at: 2, error: full }] })
  const blobs = memoryBlobStore({ now: () => time, backend })
  const image = await blobs.upload(alice, bytes)
  await expect(blobs.upload(alice, sampleBlob('image/gif').bytes)).rejects.toMatchObject({ code: 'StorageFull' })
  time += blobs.times.grace
  expect(await blobs.collect()).toMatchObject({ expiredBlobs: 1 })
  expect(await blobs.stat(alice, image.ref, { as: 'account' })).toBeNull()
  await blobs.close()

  const database = new Database(':memory:')
  database.pragma('foreign_keys = ON')
  const db = new Kysely<{ blobstore_blob: { cid: string } }>({ dialect: new SqliteDialect({ database }) })
  const own = memoryBlobStore({ metadata: kyselyMetadata(db) })
  await own.upload(alice, bytes)
  expect(await db.selectFrom('blobstore_blob').select('cid').execute()).toHaveLength(1)
  expect(() => memoryBlobStore({ metadata: kyselyMetadata(db), now: () => time })).toThrow(/now/)
  await own.close()
  await db.destroy()
})

test('a process ends although its store was not closed', { timeout: 30_000 }, async () => {
  const program = `
    const { memoryBlobStore, sampleBlob } = await import('pds-blobstore/testing')
    await memoryBlobStore().upload('did:plc:alice', sampleBlob('image/png').bytes)
    console.log('done')`
  const args = ['--input-type=module', '--eval', program]
  const options = { cwd: join(import.meta.dirname, '../..'), timeout: 20_000 }
  expect((await promisify(execFile)(process.execPath, args, options)).stdout).toBe('done\n')
})
