import assert from 'node:assert/strict'
import { assertHolds, listAll, makeBlob, putBlob } from '../blobs.ts'
import { type ConformanceCase, conformanceCase } from '../conformance-case.ts'

export const concurrencyCases: readonly ConformanceCase[] = [
  conformanceCase('64 concurrent writers, of two instances, all read what they wrote', async ({ backend, another }) => {
    const backends = [backend, await another()]
    const blobs = Array.from({ length: 64 }, (_, n) => makeBlob(n * 1500))
    await Promise.all(blobs.map(({ key, body }, n) => backends[n % 2]?.put(key, body)))
    for (const instance of backends) {
      for (const blob of blobs) await assertHolds(instance, blob)
      assert.equal((await listAll(instance)).length, 64)
    }
  }),

  conformanceCase('a blob that is found is found whole', async ({ backend, another }) => {
    const reader = await another()
    for (let n = 0; n < 10; n++) {
      const blob = makeBlob(1_500_000)
      const state = { written: false }
      const writing = backend.put(blob.key, blob.body).then(() => {
        state.written = true
      })
      while (!state.written) {
        const object = await reader.get(blob.key)
        if (object === null) continue
        assert.equal(object.size, 1_500_000, 'a blob that is being written is seen in part')
        await object.body.return?.()
      }
      await writing
      await assertHolds(reader, blob)
    }
  }),

  conformanceCase(
    'concurrent writing, reading, listing and deleting do not disturb each other',
    async ({ backend }) => {
      await Promise.all(
        Array.from({ length: 16 }, async (_, n) => {
          for (let round = 0; round < 6; round++) {
            const blob = await putBlob(backend, 1000 * n)
            await assertHolds(backend, blob)
            if (n % 4 === 0) assert.ok((await listAll(backend)).includes(blob.key))
            assert.equal((await backend.delete([blob.key])).size, 0)
            assert.equal(await backend.has(blob.key), false)
          }
        }),
      )
      assert.deepEqual(await listAll(backend), [])
    },
  ),
]
