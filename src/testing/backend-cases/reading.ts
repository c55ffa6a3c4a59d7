import assert from 'node:assert/strict'
import { assertHolds, collect, listAll, putBlob } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

const size = 700_000

export const readCases: readonly ConformanceCase[] = [
  conformanceCase('a body that is not needed is returned unread', async ({ backend }) => {
    const { key } = await putBlob(backend, size)
    for (let n = 0; n < 50; n++) {
      const body = (await backend.get(key))?.body
      await body?.return?.()
      assert.deepEqual(await body?.next(), { done: true, value: undefined })
      await body?.return?.()
    }
  }),

  conformanceCase('the expected size changes nothing, right or wrong', async ({ backend }) => {
    for (const length of [0, 1, 1000, size]) {
      const blob = await putBlob(backend, length)
      for (const expectedSize of [length, 0, length + 1, Math.max(0, length - 1), 2 * length + 10]) {
        const object = await backend.get(blob.key, { expectedSize })
        assert.equal(object?.size, length, `${length} bytes, ${expectedSize} expected`)
        assert.ok(Buffer.compare(await collect(object.body), blob.bytes) === 0)
        const unread = await backend.get(blob.key, { expectedSize })
        await unread?.body.return?.()
        assert.equal((await unread?.body.next())?.done, true)
      }
    }
  }),

  conformanceCase('breaking out of a body half-way ends it', async ({ backend }) => {
    const blob = await putBlob(backend, size)
    for (let n = 0; n < 50; n++) {
      const body = (await backend.get(blob.key))?.body
      assert.ok(body)
      for await (const chunk of body) {
        assert.ok(Buffer.compare(chunk, blob.bytes.subarray(0, chunk.byteLength)) === 0)
        break
      }
      assert.equal((await body.next()).done, true)
    }
    await assertHolds(backend, blob)
  }),

  conformanceCase('a body is read once: it stays at its end', async ({ backend }) => {
    const { key } = await putBlob(backend, size)
    const body = (await backend.get(key))?.body
    assert.ok(body)
    assert.equal((await collect(body)).byteLength, size)
    assert.equal((await body.next()).done, true)
    assert.equal((await collect(body)).byteLength, 0)
  }),

  conformanceCase('a chunk is never empty', async ({ backend }) => {
    for (const length of [0, 1, size]) {
      const { key } = await putBlob(backend, length)
      for await (const chunk of (await backend.get(key))?.body ?? []) assert.ok(chunk.byteLength > 0)
    }
  }),

  conformanceCase('many readers read one blob at once, each at its own speed', async ({ backend }) => {
    const blob = await putBlob(backend, size)
    await Promise.all(
      Array.from({ length: 24 }, async (_, n) => {
        const body = (await backend.get(blob.key))?.body
        assert.ok(body)
        let position = 0
        for await (const chunk of body) {
          const expected = blob.bytes.subarray(position, position + chunk.byteLength)
          assert.ok(Buffer.compare(chunk, expected) === 0, `chunk at ${position}`)
          // A body that shares its buffer with another fails here.
          if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
          assert.ok(Buffer.compare(chunk, expected) === 0, `chunk at ${position}, a moment later`)
          position += chunk.byteLength
        }
        assert.equal(position, size)
      }),
    )
  }),

  conformanceCase('reading changes nothing', async ({ backend }) => {
    const blob = await putBlob(backend, 1000)
    await assertHolds(backend, blob)
    await assertHolds(backend, blob)
    assert.deepEqual(await listAll(backend), [blob.key])
  }),
]
