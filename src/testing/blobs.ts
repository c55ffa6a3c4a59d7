import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { BlobBackend, ByteRange, PutBody } from '../backend/backend.ts'
import { type BlobKey, keyOf, newGeneration } from '../backend/key.ts'
import { cidOfDigest } from '../blob/cid.ts'
import { type BlobStoreErrorCode, isBlobStoreError } from '../errors.ts'

export interface TestBlob {
  key: BlobKey
  bytes: Uint8Array
  /** In one chunk. */
  body: Extract<PutBody, { chunks: readonly Uint8Array[] }>
}

let blobs = 0

/** A blob with bytes that no other call returns, as far as its size allows, under a key that was never used. */
export function makeBlob(size: number): TestBlob {
  // Of odd length, so that the pattern repeats at no power of two: a chunk in a wrong place is detected.
  const pattern = createHash('sha256').update(`blob ${blobs++}`).digest().subarray(0, 31)
  const bytes = new Uint8Array(Buffer.alloc(size, pattern))
  const sha256 = createHash('sha256').update(bytes).digest()
  return { key: keyOf(cidOfDigest(sha256), newGeneration(1)), bytes, body: { size, sha256, chunks: [bytes] } }
}

export async function putBlob(backend: BlobBackend, size: number): Promise<TestBlob> {
  const blob = makeBlob(size)
  await backend.put(blob.key, blob.body)
  return blob
}

export async function putBlobs(backend: BlobBackend, count: number, size = 10): Promise<TestBlob[]> {
  const put: TestBlob[] = []
  const workers = Array.from({ length: 16 }, async () => {
    while (put.length < count) {
      const blob = makeBlob(size)
      put.push(blob)
      await backend.put(blob.key, blob.body)
    }
  })
  await Promise.all(workers)
  return put
}

/** `bytes` in pieces of at most `length`, with empty ones in between. */
export function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const chunks: Uint8Array[] = [new Uint8Array(0)]
  for (let start = 0; start < bytes.byteLength; start += length) {
    chunks.push(bytes.slice(start, start + length))
    if (start % 3 === 0) chunks.push(new Uint8Array(0))
  }
  return chunks
}

/** All requested bytes, or null. */
export async function readBlob(backend: BlobBackend, key: BlobKey, range?: ByteRange): Promise<Uint8Array | null> {
  const object = await backend.get(key, { range })
  return object === null ? null : await collect(object.body)
}

/** Copied, as the contract requires: a chunk is valid until the next is requested. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(copyOf(chunk))
  return new Uint8Array(Buffer.concat(chunks))
}

/** Not `slice`, because that of a Buffer returns a view. */
export function copyOf(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk)
}

export async function assertHolds(backend: BlobBackend, { key, bytes }: TestBlob): Promise<void> {
  const object = await backend.get(key)
  assert.ok(object, `${key} was stored, but is not found`)
  assert.equal(object.size, bytes.byteLength, 'the size found')
  assertSameBytes(await collect(object.body), bytes)
}

export async function assertAbsent(backend: BlobBackend, { key }: TestBlob): Promise<void> {
  assert.equal(await backend.has(key), false, `has(${key})`)
  assert.equal(await backend.get(key), null, `get(${key})`)
  assert.equal((await listAll(backend)).includes(key), false, `${key} is listed`)
}

export function assertSameBytes(found: Uint8Array | null, expected: Uint8Array): void {
  assert.ok(found, 'no bytes found')
  assert.equal(found.byteLength, expected.byteLength, 'the number of bytes')
  // Not `deepEqual`, whose message would have megabytes.
  assert.ok(Buffer.compare(found, expected) === 0, 'the bytes found are not the bytes stored')
}

/** Every key, page by page. */
export async function listAll(backend: BlobBackend, limit?: number): Promise<BlobKey[]> {
  const keys: BlobKey[] = []
  for await (const page of pages(backend, { limit })) keys.push(...page)
  return keys
}

/** The keys of each page from `cursor` on. */
export async function* pages(
  backend: BlobBackend,
  { limit, cursor }: { limit: number | undefined; cursor?: string | undefined },
): AsyncGenerator<BlobKey[]> {
  do {
    const page = await backend.list({ cursor, limit })
    assert.ok(page.keys.length <= (limit ?? 1000), 'a page is no longer than its limit')
    // Otherwise this would never end.
    if (page.cursor !== undefined)
      assert.notEqual(page.cursor, cursor, 'a page begins after the cursor that it is given')
    yield page.keys
    cursor = page.cursor
  } while (cursor !== undefined)
}

/** Asserts a rejection with the library's error, that code, and the backend's name. */
export async function assertRejects(
  call: Promise<unknown>,
  backend: BlobBackend,
  code?: BlobStoreErrorCode,
  otherwise?: string,
): Promise<void> {
  const isTyped = (error: unknown) => {
    assert.ok(isBlobStoreError(error), `not a BlobStoreError: ${error}`)
    if (code !== undefined) assert.equal(error.code, code)
    assert.equal(error.backend, backend.name)
    return true
  }
  await assert.rejects(call, isTyped, otherwise)
}
