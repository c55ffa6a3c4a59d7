import { buffer } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type BackendObject,
  type BlobStat,
  type BlobStore,
  type BlobStoreOptions,
  cidOfBytes,
  createBlobStore,
  isBlobStoreError,
  MemoryBackend,
  sqliteMetadata,
} from '../../src/index.ts'
import { Reading } from '../../src/store/reading.ts'
import { VerifiedChunks } from '../../src/store/verified-chunks.ts'
import { OpenBodies } from '../support/open-bodies.ts'
import { alice, bytes, chunks, post } from '../support/samples.ts'

// What was opened before something else failed is closed, wherever that was. Each test goes red when it is not.

const noIdle = { idle: 3_600_000 } // or what was left would be closed by the time

function storeOn(options: Partial<BlobStoreOptions>): BlobStore {
  const blobs = createBlobStore({
    backend: new MemoryBackend(),
    metadata: sqliteMetadata(':memory:'),
    limits: { accept: ['*/*'] },
    times: noIdle,
    ...options,
  })
  onTestFinished(() => blobs.close().catch(() => {}))
  return blobs
}

/** A store with one blob, of 500 kB, that everybody sees; and a watch over the bodies that it opens. */
async function filled(change?: (body: BackendObject['body']) => BackendObject['body']) {
  const bodies = new OpenBodies(new MemoryBackend(), change)
  const blobs = storeOn({ backend: bodies.backend })
  const data = await buffer(chunks(5, 100_000))
  const ref = await blobs.upload(alice, data)
  await post(blobs, alice, 'one', ref)
  return { bodies, blobs, data, cid: ref.ref.toString() }
}

describe('a reading', () => {
  const stat = (size: number): BlobStat => ({
    cid: cidOfBytes(bytes('x')),
    mimeType: 'text/plain',
    size,
    createdAt: new Date(),
    referenced: true,
    takenDown: false,
  })

  /** A chunk of which there can be no copy. */
  function uncopyable(): Uint8Array {
    const chunk = new Uint8Array(10)
    structuredClone(chunk, { transfer: [chunk.buffer] })
    return chunk
  }

  async function* one(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
    yield chunk
    yield chunk
  }

  const watched = (body: AsyncGenerator<Uint8Array>) => {
    const bodies = new OpenBodies(new MemoryBackend())
    return { bodies, body: bodies.watch(body) }
  }

  test('is closed where there is no memory for all its bytes', async () => {
    const { bodies, body } = watched(one(bytes('x')))
    await expect(new Reading(stat(2 ** 50), undefined, body, 60_000).bytes()).rejects.toThrow(RangeError)
    expect(bodies.count).toBe(0)
  })

  test('is closed where there is no memory for a chunk of its stream', async () => {
    const { bodies, body } = watched(one(uncopyable()))
    const reader = new Reading(stat(20), undefined, body, 60_000).body.getReader()
    await expect(reader.read()).rejects.toThrow(TypeError)
    expect(bodies.count).toBe(0)
  })

  test('is closed where there is no memory for the chunk that is held back until it is verified', async () => {
    const { bodies, body } = watched(one(uncopyable()))
    const about = { did: alice, cid: cidOfBytes(bytes('x')), backend: 'memory' }
    await expect(new VerifiedChunks(body, about, async () => {}).next()).rejects.toThrow(TypeError)
    expect(bodies.count).toBe(0)
  })

  test('of a body that ends early, or goes on, fails, and never gives what lay in the memory before', async () => {
    async function* short(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        yield chunk
        return
      }
    }
    async function* long(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      yield* body
      yield bytes('more')
      yield bytes('and more')
    }
    for (const [change, gave] of [
      [short, 'gave 262144 bytes'],
      [long, 'gave more bytes'],
    ] as const) {
      const { blobs, bodies, cid } = await filled(change)
      const reading = await blobs.read(alice, cid)
      const failed = await reading.bytes().catch((error: unknown) => error)
      expect(isBlobStoreError(failed, 'StorageFailed') && failed.message).toContain(gave)
      expect(bodies.count).toBe(0)
    }
  })
})
