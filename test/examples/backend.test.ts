import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBlobStore, sqliteMetadata } from 'pds-blobstore'
import { expect, test } from 'vitest'
import { startFileServer } from '../../examples/backend/file-server.ts'
import { httpBackend } from '../../examples/backend/http-backend.ts'
import { backendConformance } from '../../src/testing.ts'
import { nodeTest } from './node-test.ts'

test('the backend of the example meets every sentence of the contract, over HTTP', { timeout: 130_000 }, async () => {
  const summary = await nodeTest(join(import.meta.dirname, '../../examples/backend/http-backend.test.ts'))
  expect(summary).toContain(`\n# pass ${backendConformance.length}\n# fail 0`)
})

test('a store works on it: large blobs, ranges, collection, and a server that stops', async () => {
  const spoolDirectory = mkdtempSync(join(tmpdir(), 'pds-blobstore-http-'))
  const server = await startFileServer()
  let time = Date.UTC(2026, 0, 1)
  const blobs = createBlobStore({
    backend: httpBackend(server.address('pds'), { spoolDirectory }),
    metadata: sqliteMetadata(':memory:', { now: () => time }),
    limits: { accept: ['*/*'] },
  })
  const listed = async () => ((await (await fetch(server.address('pds/blobs'))).json()) as unknown[]).length
  try {
    const bytes = new Uint8Array(3_000_000).map((_, index) => index % 251)
    const { ref } = await blobs.upload('did:plc:alice', bytes)
    await blobs.upload('did:plc:alice', new Uint8Array(10))
    const whole = await blobs.read('did:plc:alice', ref, { as: 'account', verify: true })
    expect(Buffer.from(bytes).equals(await whole.bytes())).toBe(true)
    const part = await blobs.read('did:plc:alice', ref, { as: 'account', range: { start: 251, end: 253 } })
    expect([...(await part.bytes())]).toEqual([0, 1, 2])
    expect(await listed()).toBe(2)
    await blobs.deleteAccount('did:plc:alice')
    time += blobs.times.deleteDelay + blobs.times.grace
    expect(await blobs.collect()).toMatchObject({ deletedKeys: 2, failedKeys: 0 })
    expect(await listed()).toBe(0)
    await server.stop()
    const upload = blobs.upload('did:plc:bob', new Uint8Array(10))
    await expect(upload).rejects.toMatchObject({
      code: 'StorageFailed',
      transient: true,
      message: expect.stringMatching(/^Cannot store .*: the service cannot be reached, or failed \(ECONNREFUSED\)$/),
    })
  } finally {
    await blobs.close()
    await server.stop().catch(() => {})
    rmSync(spoolDirectory, { recursive: true })
  }
})
