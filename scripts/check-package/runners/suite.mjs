import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBlobStore, DiskBackend, isBlobStoreError, sqliteMetadata } from 'pds-blobstore'
import { memoryBlobStore, sampleBlob } from 'pds-blobstore/testing'

// What a host's tests do, for whatever runner calls it with its own `test`.

const did = 'did:plc:alice'

/** A blob is uploaded, posted, read in part, and shown to nobody under another account. */
async function useAndClose(blobs) {
  const image = await blobs.upload(did, sampleBlob('image/png').bytes)
  const write = { action: 'create', uri: `at://${did}/com.example.post/1`, record: { image } }
  await blobs.applyWrites(did, [write], { rev: '3kyimv2x4zs2a' })
  const blob = await blobs.read(did, image.ref, { range: { start: 1, end: 3 } })
  assert.equal(Buffer.from(await blob.bytes()).toString(), 'PNG')
  await assert.rejects(blobs.read('did:plc:bob', image.ref), (error) => isBlobStoreError(error, 'BlobNotFound'))
  await blobs.close()
}

export function suite(test) {
  test('a store in memory', async () => {
    await useAndClose(memoryBlobStore())
    ran('memory')
  })

  test('a store on a disk', async () => {
    const root = await mkdtemp(join(tmpdir(), 'pds-blobstore-runner-'))
    try {
      const backend = new DiskBackend({ root: join(root, 'blobs') })
      await useAndClose(createBlobStore({ backend, metadata: sqliteMetadata(join(root, 'blobs.sqlite')) }))
    } finally {
      await rm(root, { recursive: true })
    }
    ran('disk')
  })
}

/** So that a runner that finds no test, and calls that a success, is noticed. */
export function ran(name) {
  appendFileSync(process.env.RAN, `${name} `)
}
