import { expect, test, vi } from 'vitest'
import { createBlobHandler } from '../../src/http.ts'
import { createBlobStore, MemoryBackend, sqliteMetadata } from '../../src/index.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { bytes, friends, post, postIn } from '../support/samples.ts'
import { alice, query, tokens, xrpc } from './place.ts'

// Fails when a handler calls `stat` for the size and then reads: a client that seeks in a video sends hundreds of
// these.
test('every GET or HEAD looks up the row of its blob once', async () => {
  const metadata = sqliteMetadata(':memory:')
  const opened: Metadata[] = []
  const blobs = createBlobStore({
    backend: new MemoryBackend(),
    metadata: { open: async () => (opened[0] = await metadata.open()) },
    limits: { accept: ['*/*'] },
    janitor: false,
  })
  const blob = await blobs.upload(alice, bytes('some bytes'))
  await post(blobs, alice, 'a', blob)
  await postIn(friends, blobs, alice, 'a', blob)
  const resolve = vi.spyOn(opened[0] ?? expect.fail(), 'resolve')
  const handler = createBlobHandler(blobs, { ...tokens, authorizeSpace: () => true })
  const cid = String(blob.ref)
  const paths = [query(xrpc.get, { did: alice, cid }), query(xrpc.getInSpace, { space: friends, repo: alice, cid })]
  const tag = `"${blob.ref}"`
  const asked: [number, RequestInit][] = [
    [200, {}],
    [200, { method: 'HEAD' }],
    [206, { headers: { range: 'bytes=2-5' } }],
    [206, { headers: { range: 'bytes=-3', 'if-range': tag } }],
    [200, { headers: { range: 'bytes=2-5', 'if-range': '"other"' } }],
    [416, { headers: { range: 'bytes=100-' } }],
    [304, { headers: { 'if-none-match': tag } }],
    [200, { headers: { 'if-none-match': '"other"' } }],
    [206, { headers: { 'if-none-match': '"other"', range: 'bytes=0-0' } }],
    [200, { headers: { 'if-match': tag } }],
    [412, { headers: { 'if-match': '"other"' } }],
  ]
  for (const path of paths) {
    for (const [status, init] of asked) {
      resolve.mockClear()
      const response = await handler(new Request(`http://x${path}`, init))
      await response.bytes()
      expect([response.status, resolve.mock.calls.length], path + JSON.stringify(init)).toEqual([status, 1])
    }
  }
  await blobs.close()
})
