import assert from 'node:assert/strict'
import { isError } from '../../shapes.ts'
import { assertAbsent, assertHolds, assertSameBytes, copyOf, listAll, makeBlob, putBlob, putBlobs } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

export const deleteCases: readonly ConformanceCase[] = [
  conformanceCase('deleted keys are gone, and no others', async ({ backend, another }) => {
    const [gone, kept] = [await putBlob(backend, 100), await putBlob(backend, 100)]
    assert.deepEqual(await backend.delete([gone.key]), new Map())
    for (const instance of [backend, await another()]) {
      await assertAbsent(instance, gone)
      await assertHolds(instance, kept)
    }
  }),

  conformanceCase('an absent key counts as deleted', async ({ backend }) => {
    const blob = await putBlob(backend, 100)
    const absent = [makeBlob(1).key, makeBlob(1).key]
    assert.deepEqual(await backend.delete(absent), new Map())
    assert.deepEqual(await backend.delete([...absent, blob.key, blob.key]), new Map())
    assert.deepEqual(await backend.delete([blob.key]), new Map())
    await assertAbsent(backend, blob)
  }),

  conformanceCase('deleting nothing is harmless', async ({ backend }) => {
    const blob = await putBlob(backend, 100)
    assert.deepEqual(await backend.delete([]), new Map())
    await assertHolds(backend, blob)
  }),

  conformanceCase('more keys than any request takes are deleted in one call', async ({ backend }) => {
    const blobs = await putBlobs(backend, 40)
    const absent = Array.from({ length: 1200 }, () => makeBlob(1).key)
    const keys = [...absent.slice(0, 600), ...blobs.map(({ key }) => key), ...absent.slice(600)]
    assert.deepEqual(await backend.delete(keys), new Map())
    assert.deepEqual(await listAll(backend), [])
  }),

  conformanceCase('a key that cannot be deleted is reported, the others are deleted', async ({ backend }) => {
    const blob = await putBlob(backend, 100)
    const failed = await backend.delete(['../marker', blob.key, ''])
    assert.deepEqual([...failed.keys()].sort(), ['', '../marker'])
    for (const error of failed.values()) assert.ok(isError(error))
    await assertAbsent(backend, blob)
  }),

  conformanceCase('concurrent deletions of the same keys all succeed', async ({ backend }) => {
    const keys = (await putBlobs(backend, 40)).map(({ key }) => key)
    const results = await Promise.all([backend.delete(keys), backend.delete(keys), backend.delete([...keys].reverse())])
    assert.deepEqual(results, [new Map(), new Map(), new Map()])
    assert.deepEqual(await listAll(backend), [])
  }),

  conformanceCase(
    'a reading during a deletion returns every byte or rejects: it never ends short',
    async ({ backend }) => {
      const blob = await putBlob(backend, 2_000_000)
      const body = (await backend.get(blob.key))?.body
      assert.ok(body)
      const chunks = [copyOf((await body.next()).value)]
      await backend.delete([blob.key])
      try {
        for await (const chunk of body) chunks.push(copyOf(chunk))
      } catch {
        return
      }
      assertSameBytes(new Uint8Array(Buffer.concat(chunks)), blob.bytes)
    },
  ),
]
