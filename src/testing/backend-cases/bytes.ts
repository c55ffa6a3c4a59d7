import assert from 'node:assert/strict'
import { cidIn, keyOf, newGeneration } from '../../backend/key.ts'
import { assertAbsent, assertHolds, assertRejects, cut, listAll, makeBlob, putBlob } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

const sizes = [0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 1024 * 1024 + 1]

export const byteCases: readonly ConformanceCase[] = [
  ...sizes.map((size) =>
    conformanceCase(`${size} bytes are read as they were stored`, async ({ backend }) => {
      const blob = await putBlob(backend, size)
      assert.equal(await backend.has(blob.key), true)
      await assertHolds(backend, blob)
    }),
  ),

  conformanceCase('thousands of chunks, some of them empty, become one blob', async ({ backend }) => {
    const blob = makeBlob(1024 * 1024 + 1)
    await backend.put(blob.key, { size: blob.body.size, sha256: blob.body.sha256, chunks: cut(blob.bytes, 333) })
    await assertHolds(backend, blob)
  }),

  conformanceCase('bytes without any chunk are the empty blob', async ({ backend }) => {
    const blob = makeBlob(0)
    await backend.put(blob.key, { size: 0, sha256: blob.body.sha256, chunks: [] })
    await assertHolds(backend, blob)
  }),

  conformanceCase('the same bytes under two keys are two objects', async ({ backend }) => {
    const one = makeBlob(1000)
    const two = { ...one, key: keyOf(cidIn(one.key), newGeneration(2)) }
    await backend.put(one.key, one.body)
    await backend.put(two.key, two.body)
    await backend.delete([one.key])
    await assertAbsent(backend, one)
    await assertHolds(backend, two)
  }),

  conformanceCase('a caller that changes its buffers afterwards changes nothing stored', async ({ backend }) => {
    const blob = makeBlob(1000)
    const chunk = blob.bytes.slice()
    await backend.put(blob.key, { size: 1000, sha256: blob.body.sha256, chunks: [chunk] })
    chunk.fill(0)
    const object = await backend.get(blob.key)
    for await (const read of object?.body ?? []) read.fill(0)
    await assertHolds(backend, blob)
  }),

  conformanceCase('fewer or more bytes than announced are rejected, and nothing is listed', async ({ backend }) => {
    for (const size of [999, 1001, 0]) {
      const blob = makeBlob(1000)
      await assertRejects(backend.put(blob.key, { ...blob.body, size }), backend)
      await assertAbsent(backend, blob)
    }
    assert.deepEqual(await listAll(backend), [])
  }),

  conformanceCase('a key that was never put has no bytes', async ({ backend }) => {
    await putBlob(backend, 10)
    await assertAbsent(backend, makeBlob(10))
  }),

  conformanceCase('an invalid key is refused by every method', async ({ backend }) => {
    const { key, body } = makeBlob(10)
    const invalid = [
      '',
      '.',
      '..',
      '../marker',
      `../${key}`,
      `${key}/`,
      `${key}\0`,
      key.toUpperCase(),
      key.slice(0, 59),
    ]
    for (const name of invalid) {
      await assertRejects(backend.put(name, body), backend, 'InvalidArgument')
      await assertRejects(backend.get(name), backend, 'InvalidArgument')
      await assertRejects(backend.has(name), backend, 'InvalidArgument')
    }
    assert.deepEqual(await listAll(backend), [])
  }),
]
